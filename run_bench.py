"""python run_bench.py --methods all --tasks vtab1k

Compares ways of adapting a pretrained vision backbone to small labelled data sets:
accuracy, training FLOPs and bytes kept.
"""

from __future__ import annotations

import argparse
import ast
import io
import math
import os
import sys
from pathlib import Path

import methods  # noqa: F401  registers the methods
import tasks  # noqa: F401  registers the tasks
from bench.commands.request import Request
from bench.commands.table import COMMANDS
from bench.records.cells import SAMPLERS
from bench.spec import BackboneSpec, UserError

EXAMPLES = """examples:
  run_bench.py                                              the embedded suite, core methods, nothing to download
  run_bench.py --methods all --tasks vtab1k --data DIR --backbone vit_base_patch16_224.augreg_in21k
  run_bench.py --methods 'head2toe*,lora' --tasks 'vtab1k/structured/*' --tune 20 --budget 2h
  run_bench.py --tasks folder:my_images --backbone resnet50 --checkpoint weights.safetensors
  run_bench.py --tasks ood/pacs/photo,domains:my_images/studio --data DIR
  run_bench.py advise --budget 10m --storage-limit 1MB      what to use for a task like these, by the records
  run_bench.py list | plan | report | sync                  what there is, what would run, what was found
  run_bench.py export KEY --to DIR | predict DIR IMAGES     what was adapted, and its use; `export` alone lists keys
  run_bench.py ui                                           MLflow's page on the results
  run_bench.py data status | data get vtab1k/eurosat | data convert vtab1k/eurosat --to DIR

exit codes: 0 all asked cells done; 1 some failed or had no data; 2 wrong usage, or nothing could run;
3 budget spent with cells left; 130 interrupted. Running again resumes."""


def parser() -> argparse.ArgumentParser:
    """The command line; flags mean the same in every subcommand."""
    top = argparse.ArgumentParser(
        prog="run_bench.py", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("command", nargs="?", default="run", choices=sorted(COMMANDS), help="default: run")
    top.add_argument(
        "words", nargs="*", metavar="...",
        help="for data: status [TASKS], get TASKS, convert TASKS --to DIR; for export: KEY --to DIR; "
        "for predict: DIR IMAGES",
    )  # fmt: skip
    what = top.add_argument_group("what to compare (names, globs, commas; 'all')")
    what.add_argument("--methods", nargs="+", default=["core"], metavar="NAME", help="default: core, without extras")
    what.add_argument("--tasks", nargs="+", default=["demo"], metavar="NAME", help="default: demo, the embedded suite")
    what.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="N", help="default: 0")
    network = top.add_argument_group("backbone")
    network.add_argument("--backbone", default="demo", metavar="NAME", help="any timm name; default: demo, embedded")
    network.add_argument("--checkpoint", type=Path, metavar="FILE", help="weights: .safetensors, or .pth without code")
    network.add_argument("--backbone-arg", action="append", default=[], metavar="K=V", help="for timm: pad_type=same")
    network.add_argument("--image-size", type=int, metavar="PX", help="default: what timm states for the backbone")
    network.add_argument("--mean", type=float, nargs="+", metavar="X", help="of the input, one value or three")
    network.add_argument("--std", type=float, nargs="+", metavar="X", help="likewise")
    search = top.add_argument_group("tuning")
    search.add_argument("--tune", metavar="N", help="trials a method, at most; or auto: as many as the budget allows")
    search.add_argument("--sampler", choices=SAMPLERS, default=SAMPLERS[0], help="default: %(default)s")
    search.add_argument("--oracle", action="store_true", help="choose by the shifted test sets; methods are named so")
    search.add_argument("--storage", metavar="URL", help="Optuna's; default: a file in --results, for one process")
    top.add_argument("--taps", metavar="BACKBONE", help="for list: where Head2Toe reads that backbone, and how much")
    where = top.add_argument_group("where and how long")
    where.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="the data sets; default: data")
    where.add_argument("--to", type=Path, metavar="DIR", help="where `data convert` and `export` write")
    where.add_argument("--results", type=Path, default=Path("results/run"), metavar="DIR", help="default: results/run")
    where.add_argument("--top", type=int, default=3, metavar="N", help="classes `predict` names; default: 3")
    where.add_argument("--json", action="store_true", help="`predict` prints a line of JSON an image")
    where.add_argument(
        "--budget", nargs="+", action="extend", default=[], metavar="LIMIT",
        help="over all runs into --results: device time (90s, 30m, 2h), FLOPs (5PFLOP), or both",
    )  # fmt: skip
    where.add_argument("--storage-limit", metavar="SIZE", help="for advise: what a task may keep, 1MB")
    where.add_argument("--memory-limit", metavar="SIZE", help="of the GPU, for torch: 16GB")
    where.add_argument("--device", default="auto", help="cpu, cuda, cuda:1, mps; default: the best there is")
    where.add_argument(
        "--versus", nargs="+", choices=["published"], default=[], help="put published VTAB-1k numbers beside ours"
    )
    where.add_argument("--force", action="store_true", help="run cells again that are done")
    return top


def request(arguments: argparse.Namespace) -> Request:
    """What the arguments ask for."""
    check_preprocessing(arguments)
    spec = BackboneSpec(
        arguments.backbone,
        arguments.checkpoint,
        dict(key_value(text) for text in arguments.backbone_arg),
        arguments.image_size,
        tuple(arguments.mean) if arguments.mean else None,
        tuple(arguments.std) if arguments.std else None,
    )
    shared = (
        "methods", "tasks", "seeds", "data", "results", "budget", "tune", "sampler", "oracle", "storage",
        "memory_limit", "storage_limit", "device", "force", "words", "to", "versus", "taps", "top", "json",
    )  # fmt: skip
    if arguments.words and arguments.command not in ("data", "export", "predict"):
        raise UserError(f"{arguments.command} takes no {arguments.words[0]!r}; name tasks with --tasks")
    return Request(backbone=spec, **{name: getattr(arguments, name) for name in shared})


def check_preprocessing(arguments: argparse.Namespace) -> None:
    """Raises UserError for numbers that no image can be prepared with, or no run be seeded with."""
    for name in ("mean", "std"):
        values = getattr(arguments, name)
        wrong = values and (len(values) not in (1, 3) or not all(map(math.isfinite, values)))
        if wrong or (name == "std" and values and min(values) <= 0):
            raise UserError(
                f"--{name} {' '.join(map(str, values))} does not fit; give one number or three, std above 0"
            )
    if arguments.image_size is not None and arguments.image_size < 1:
        raise UserError(f"an image size of {arguments.image_size} px is none; give 1 or more")
    if arguments.top < 1:
        raise UserError(f"--top {arguments.top} names no class; give 1 or more")
    if not all(0 <= seed < 2**63 for seed in arguments.seeds):
        raise UserError("a seed is a whole number from 0 to 2^63 - 1")


def key_value(text: str) -> tuple[str, object]:
    """`pad_type=same` or `depth=6` as name and value, a number where it reads as one; raises UserError otherwise."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UserError(f"{text!r} is no argument for the backbone; write NAME=VALUE, such as pad_type=same")
    try:
        read = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value
    if not isinstance(read, (bool, int, float, str, list, tuple, type(None))):
        raise UserError(f"{value!r} is no value for the backbone's {key}; write a number, a word or a list")
    return key, read


def main() -> int:
    """Parses, wires, and turns what goes wrong into one sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # where a terminal has no × or –
    arguments = parser().parse_intermixed_args()  # `data get NAME --data DIR` and `data --data DIR get NAME` alike
    try:
        return COMMANDS[arguments.command](request(arguments))
    except UserError as error:
        print(f"run_bench.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nrun_bench.py: interrupted; what was finished is recorded, run again to go on", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of a pipe left early
        return 0
    except OSError as error:
        print(f"run_bench.py: {error}; free some space or name another folder, and run again", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())

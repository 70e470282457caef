"""The commands: what each does, its words and its flags. Only this is read to show help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Groups = Mapping[str, Sequence[str]]  # the flags of a command by the title above them


@dataclass(frozen=True)
class Command:
    """One command. The module `bench.commands.<name>` does it."""

    summary: str  # a sentence, for both helps
    flags: Groups
    examples: Sequence[str]
    words: str = ""  # what may follow the command, as usage shows it; empty: nothing
    more: str = ""  # a paragraph for its own help
    usual: Mapping[str, object] = field(default_factory=dict)  # defaults that are not those of other commands
    told: Mapping[str, str] = field(default_factory=dict)  # help of flags, where it is not that of other commands


COMPARISON: Groups = {
    "what to compare: names, families, folders and globs, with spaces or commas between; or 'all'": [
        "methods",
        "tasks",
        "seeds",
    ],
    "backbone": [
        "backbone",
        "checkpoint",
        "backbone_arg",
        "image_size",
        "mean",
        "std",
        "preprocess",
        "precision",
        "compile",
    ],
    "recipes and tuning": ["effort", "augment", "store", "tune", "sampler", "oracle", "storage"],
    "where and how long": [
        "data",
        "results",
        "budget",
        "memory_limit",
        "device",
        "workers",
        "cluster",
        "force",
        "versus",
        "config",
    ],
}
EXIT_CODES = """exit codes: 0 all asked cells are done; 1 some failed or had no data; 2 wrong usage, or nothing
could run; 3 the budget is spent and cells are left; 130 and 143 interrupted. Running again resumes."""

COMMANDS: Mapping[str, Command] = {
    "run": Command(
        "Run what is not done yet, and report on all of it. Without a command, this one is meant.",
        COMPARISON,
        [
            "run_bench.py",
            "run_bench.py --methods all --tasks vtab1k --data DIR --backbone vit_base_patch16_224.augreg_in21k",
            "run_bench.py --methods 'head2toe*,lora' --tasks 'vtab1k/structured/*' --tune 20 --budget 2h",
            "run_bench.py --tasks folder:my_images --backbone resnet50 --checkpoint weights.safetensors",
            "run_bench.py --tasks ood/pacs/photo,domains:my_images/studio --data DIR",
        ],
        more="`list` shows the names of methods and tasks. `folder:PATH` is a task of your own images,\n"
        "PATH/<class>/<image>, and `csv:FILE` one of images that a table lists with their labels.\n"
        f"`domains:PATH/SOURCE` is one with shifted test sets.\n\n{EXIT_CODES}",
    ),
    "plan": Command(
        "Show what would run, what is done, and what the rest is expected to cost.",
        COMPARISON,
        ["run_bench.py plan --methods all --tasks vtab1k --data DIR --budget 2h"],
        more="It takes the flags of a run, and trains nothing.",
    ),
    "list": Command(
        "Show the methods, the tasks and the data that is here.",
        {"what to show": ["data", "config"], "or a backbone": ["taps", "backbone_arg", "image_size"]},
        ["run_bench.py list --data DIR", "run_bench.py list heads", "run_bench.py list --taps resnet50"],
        words="[METHODS]",
        more="With names, globs or families of methods, it shows these with their hyper-parameters.",
    ),
    "report": Command(
        "Draw the report anew from the records.",
        {"what to report on": ["results", "versus", "metric", "config"]},
        ["run_bench.py report --results results/run --versus published",
         "run_bench.py report --results results/run --metric balanced_accuracy"],
        more="A run draws it too, unless it is there already, of the same records. This command always draws.",
    ),
    "advise": Command(
        "Name the method to use for a task like these, by the records.",
        {"limits for one task": ["budget", "storage_limit"], "which records": ["tasks", "results", "config"]},
        ["run_bench.py advise --budget 10m --storage-limit 1MB --tasks vtab1k"],
        usual={"tasks": ("all",)},
        told={"tasks": "default: all that were recorded", "budget": "device time (10m), FLOPs (5PFLOP), or both"},
    ),
    "export": Command(
        "Take a finished cell out of the results folder.",
        {"from where, and where to": ["results", "to", "merge", "checkpoint", "config"]},
        ["run_bench.py export", "run_bench.py export KEY --to winner", "run_bench.py export KEY --to plain --merge",
         "run_bench.py export lora demo/digits --to mine"],
        words="[KEY | METHOD TASK]",
        more="KEY may be the beginning of one. Without words, the cells that can be exported are listed.",
    ),
    "predict": Command(
        "Name the classes of images with an exported folder.",
        {"how": ["checkpoint", "device", "top", "json", "config"]},
        ["run_bench.py predict winner new_images", "run_bench.py predict winner a.jpg b.jpg --json --top 1"],
        words="DIR IMAGES...",
        more="DIR is what `export` wrote; IMAGES are files, or folders of them.",
    ),
    "sync": Command(
        "Bring MLflow up to date with the records.",
        {"what to log": ["results", "versus", "config"]},
        ["run_bench.py sync --results results/run"],
    ),
    "ui": Command(
        "Open MLflow's page on the results.",
        {"what to show": ["results", "config"]},
        ["run_bench.py ui --results results/run"],
    ),
    "data": Command(
        "Show, download or convert data sets.",
        {"where": ["data", "to", "config"]},
        [
            "run_bench.py data status --data DIR",
            "run_bench.py data get vtab1k/cifar100 vtab1k/dtd",
            "run_bench.py data convert vtab1k/eurosat --to DIR/vtab-1k",
        ],
        words="[status [TASKS] | get TASKS | convert TASKS]",
        more="`status` tells which data is here, how exact it is, and how to get the rest.\n`get` downloads; it "
        "resumes and checks. `convert` writes a lossless portable copy into --to.",
    ),
}  # fmt: skip

"""python timings/features_to_head.py --tasks demo/digits --seeds 0 1 2

Head2Toe's recipe against the exact path on the same features, in turns in one process: seconds and FLOPs from features
to the last head, features kept, bytes stored, validation and test accuracy. The flags are those of run_bench.py, with
--target, --fractions and --steps for the recipe; --methods takes others than these, each compared with the first.
One thread does all work of a CPU, and its CPU seconds are printed. --draws 5 adds what five other training sets of the
same size give, drawn from the test images and evaluated on the rest.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from safetensors.torch import save

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.adapt.probe import Probe
from bench.backbone.features import TaskImages, features
from bench.backbone.network import TimmBackbone, load
from bench.commands.parser import parser, request
from bench.costs.device import find_device
from bench.costs.meter import Meter
from bench.registry import METHODS, TASKS
from bench.runs.evaluate import evaluate
from bench.spec import Adapted, Data, Method, Split, Subset, UserError
from methods.all_features import AllFeatures
from methods.head2toe import Head2Toe
from methods.head2toe_path import Head2ToePath
from methods.linear_probe import LinearProbe


@dataclass
class Row:
    """What one method did, a number a seed."""

    seconds: list[float] = field(default_factory=list)
    flops: list[int] = field(default_factory=list)  # from features to head
    kept: list[int] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    test: list[float] = field(default_factory=list)


def rivals(target: int, fractions: list[float], steps: list[int]) -> dict[str, Method]:
    """The methods of the table where none are named, by what they are called there."""
    recipe: dict[str, Method] = {
        f"head2toe, F = {fraction:g}, {count:,} steps": Head2Toe(target=target, fraction=fraction, steps=count)
        for count in steps
        for fraction in fractions
    }
    path, everything = Head2ToePath(target=target), AllFeatures(target=target)
    return {"head2toe_path": path, **recipe, "all_features": everything, "linear_probe": LinearProbe()}


def fit(method: Method, backbone: TimmBackbone, train: Split, seed: int) -> tuple[Probe, Meter, float]:
    """The probe, its stopped meter, and the seconds it took: of the processor on a CPU, of the clock elsewhere."""
    torch.manual_seed(seed)
    meter = Meter(backbone.device)
    began = time.process_time()
    probe = method.fit(backbone, train, meter)
    used = time.process_time() - began
    meter.stop()
    assert isinstance(probe, Probe)
    return probe, meter, used if backbone.device.type == "cpu" else meter.seconds - meter.shared_seconds


def validated(method: Method, backbone: TimmBackbone, train: Split, seed: int) -> float:
    """Accuracy on the validation images of a fit without them."""
    kept = len(train.labels) - (train.validation or len(train.labels) // 5)
    fewer = replace(train, images=Subset(train.images, range(kept)), labels=train.labels[:kept], validation=0)
    probe, meter, _ = fit(method, backbone, fewer, seed)
    rest = features(backbone, train.images, probe.target, meter.alone()).of(range(kept, len(train.labels)))
    on_device = replace(rest, held=tuple(block.to(backbone.device) for block in rest.held))
    answers = probe.score(on_device).argmax(1).cpu()
    return float((answers == torch.from_numpy(train.labels[kept:])).float().mean())


def compare(methods: Mapping[str, Method], backbone: TimmBackbone, data: Data, seeds: Sequence[int]) -> dict[str, Row]:
    """All of them in turns, seed after seed, then evaluated in one pass."""
    rows = {name: Row() for name in methods}
    probes: list[Adapted] = []
    for seed in seeds:
        for name, method in methods.items():
            probe, meter, seconds = fit(method, backbone, data.train, seed)
            row = rows[name]
            row.seconds.append(seconds)
            row.flops.append(meter.flops - meter.shared_flops)
            row.kept.append(len(probe.weight))
            row.stored.append(len(save({key: value.contiguous() for key, value in probe.stored().items()})))
            row.validation.append(validated(method, backbone, data.train, seed))
            probes.append(probe)
            print(f"seed {seed}, {name}: {seconds:.1f} s", file=sys.stderr)
    tests = {"test": data.tests["test"]}
    for place, found in enumerate(evaluate(backbone, probes, tests, Meter(backbone.device))):
        list(rows.values())[place % len(rows)].test.append(found.accuracy["test"])
    return rows


def redrawn(methods: Mapping[str, Method], backbone: TimmBackbone, data: Data, draws: int) -> dict[str, list[float]]:
    """Test accuracy of each method on training sets drawn from the test images, evaluated on those that are left."""
    test, count, found = data.tests["test"], len(data.train.labels), {name: list[float]() for name in methods}
    for draw in range(draws):
        order = np.random.default_rng(draw).permutation(len(test.labels))
        train, rest = order[:count], order[count:].tolist()
        split = replace(data.train, images=Subset(test.images, train.tolist()), labels=test.labels[train])
        labels = torch.from_numpy(test.labels[rest])
        for name, method in methods.items():
            probe, meter, _ = fit(method, backbone, split, draw)
            held = features(backbone, Subset(test.images, rest), probe.target, meter.alone())
            found[name].append(float((probe.score(held).argmax(1).cpu() == labels).float().mean()))
            print(f"draw {draw}, {name}: {100 * found[name][-1]:.2f} %", file=sys.stderr)
    return found


def draws_table(title: str, found: Mapping[str, Sequence[float]]) -> Table:
    """Means over the draws, and what each method has more than the first, with the standard error of that mean."""
    shown = Table(title=title)
    for name in ("method", "test %", "minus first", "±"):
        shown.add_column(name, justify="left" if name == "method" else "right", overflow="fold")
    first = np.array(next(iter(found.values())))
    for name, accuracies in found.items():
        lead = 100 * (np.array(accuracies) - first)
        error = lead.std(ddof=1) / len(lead) ** 0.5
        shown.add_row(name, f"{100 * np.mean(accuracies):.2f}", f"{lead.mean():+.2f}", f"{error:.2f}")
    return shown


def table(title: str, rows: Mapping[str, Row], forward: int) -> Table:
    """Medians over the seeds; FLOPs with and without those of the `forward` pass over the training images."""
    shown = Table(title=title, caption=f"forward pass over the training images: {forward / 1e9:.1f} GFLOP")
    for name in ("method", "kept", "stored kB", "seconds", "× first", "GFLOP", "with forward", "val %", "test %"):
        shown.add_column(name, justify="left" if name == "method" else "right", overflow="fold")
    first = statistics.median(next(iter(rows.values())).seconds)
    for name, row in rows.items():
        seconds, flops = statistics.median(row.seconds), statistics.median(row.flops)
        figures = (
            f"{statistics.median(row.kept):,.0f}", f"{statistics.median(row.stored) / 1e3:,.1f}", f"{seconds:.2f}",
            f"{seconds / first:.1f}", f"{flops / 1e9:,.1f}", f"{(flops + forward) / 1e9:,.1f}",
            f"{100 * statistics.median(row.validation):.1f}", f"{100 * statistics.median(row.test):.2f}",
        )  # fmt: skip
        shown.add_row(name, *figures)
    return shown


def main() -> int:
    """Prints one table a task."""
    line = parser("run")
    line.set_defaults(methods=[])
    line.add_argument("--target", type=int, default=512, metavar="T", help="pooling target; default: 512")
    line.add_argument("--fractions", type=float, nargs="+", default=[0.01, 0.1, 0.2], metavar="F", help="the recipe's")
    line.add_argument("--steps", type=int, nargs="+", default=[500], metavar="N", help="the recipe's; default: 500")
    line.add_argument("--draws", type=int, default=0, metavar="N", help="other training sets; none, or 2 and more")
    torch.set_num_threads(1)
    try:
        arguments = line.parse_args()
        if arguments.draws == 1 or arguments.draws < 0:
            line.error("--draws needs 2 or more, so that they can differ")
        asked = request(arguments)
        if asked.methods:
            methods, told = {name: make() for name, make in METHODS.select(asked.methods).items()}, ""
            if trained := [name for name, method in methods.items() if not method.frozen]:
                raise UserError(f"{trained[0]} trains the backbone; name methods that only read its features")
        else:
            methods = rivals(arguments.target, arguments.fractions, arguments.steps)
            told = f", T = {arguments.target}"
        targets = list(dict.fromkeys(getattr(method, "target", None) for method in methods.values()))
        backbone = load(asked.specs[0], find_device(asked.device))
        for name, task in TASKS.select(asked.tasks).items():
            data = task.find(asked.data).load()
            images = TaskImages(data.train.images, backbone)
            images.prepare(targets, Meter(backbone.device))
            data = replace(data, train=replace(data.train, images=images))
            forward = Meter(backbone.device)
            features(backbone, data.train.images, targets[0], forward)
            rows = compare(methods, backbone, data, asked.seeds)
            Console(width=140).print(table(f"{name}{told}", rows, forward.flops))
            if arguments.draws:
                found = redrawn(methods, backbone, data, arguments.draws)
                Console(width=140).print(draws_table(f"{name}{told}, {arguments.draws} other training sets", found))
    except UserError as error:
        print(f"features_to_head.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

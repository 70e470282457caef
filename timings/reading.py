"""python timings/reading.py --tasks vtab1k/eurosat --data DIR --image-size 96

Reading and preparing all images of a task, from every form in which it lies below --data, against the network's bare
forward pass over as many, in turns: from finding the copy to the last batch at the backbone's size, first out of the
copy itself, which keeps it, then as kept. Beside seconds, those of the processor are shown, all cores together, which
other work on the machine hardly changes. The flags are those of run_bench.py.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.backbone.network import TimmBackbone, load
from bench.commands.parser import parser, request
from bench.costs.device import find_device
from bench.images.pixel_cache import cached
from bench.images.pixels import batches
from bench.images.resize import to_size
from bench.registry import TASKS
from bench.runs.evaluate import LEAST, MOST, PIXELS
from bench.spec import Found, Task, UserError
from tasks import vtab
from tasks.readers import raw
from tasks.readers.prepared import prepared
from tasks.readers.vtab_folder import vtab_folder

Way = Callable[[Path], Found | None]
Seconds = tuple[float, float]  # by the clock, and of the processor
WHAT = ("first", "kept", "forward")


def authors(recipe: raw.Recipe, data: Path) -> Found | None:
    """The authors' files, whatever other form lies beside them."""
    held = recipe.raw(data)
    return None if held is None else raw.found(recipe, held)


def ways(task: Task, data: Path) -> dict[str, Way]:
    """How each form that is here is found, by its pipeline. Raises DataMissing if there is none."""
    recipes = [recipe for recipe in vtab.ROWS if recipe.name == task.name]
    forms: list[Way] = [partial(form, recipe) for form in (vtab_folder, prepared, authors) for recipe in recipes]
    found = {held.pipeline: way for way in forms if (held := way(data))}
    return found or {task.find(data).pipeline: task.find}


def read(way: Way, data: Path, size: int) -> int:
    """Finds, opens and prepares all images of a copy; returns how many."""
    held = way(data)
    assert held is not None  # it was there when `ways` looked
    opened = cached(held).load()
    splits = (opened.train, *opened.tests.values())
    return sum(len(to_size(pixels, size)) for split in splits for pixels in batches(split.images, size, at_once(size)))


def at_once(size: int) -> int:
    """Images of a batch."""
    return min(MOST, max(LEAST, PIXELS // size**2))  # as `evaluate` has it


@torch.no_grad()
def forward(backbone: TimmBackbone, count: int) -> None:
    """The bare network over `count` pictures of random pixels."""
    size = backbone.image_size
    pictures = torch.randint(256, (at_once(size), 3, size, size), dtype=torch.uint8)
    for first in range(0, count, len(pictures)):
        backbone.module(backbone.inputs(pictures[: count - first].to(backbone.device)))
    if backbone.device.type == "cuda":
        torch.cuda.synchronize(backbone.device)


def turn(backbone: TimmBackbone, way: Way, data: Path) -> tuple[int, list[Seconds]]:
    """Images of a task, and what one turn took, as `WHAT` names it."""
    counts: list[int] = []

    def reading() -> None:
        counts.append(read(way, data, backbone.image_size))

    with TemporaryDirectory(prefix="head2head-reading-") as folder:
        os.environ["HEAD2HEAD_CACHE"] = folder
        first, again = seconds(reading), seconds(reading)
    return counts[0], [first, again, seconds(lambda: forward(backbone, counts[0]))]


def seconds(work: Callable[[], object]) -> Seconds:
    """Seconds that some work takes, by the clock and of the processor."""
    began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began[0], time.process_time() - began[1]


def rates(count: int, took: list[Seconds]) -> str:
    """One turn's images a second, and processor seconds."""
    pairs = zip(WHAT, took, strict=True)
    return "; ".join(f"{what} {count / wall:,.0f}/s, {processor:.2f} processor s" for what, (wall, processor) in pairs)


def main() -> int:
    """Prints one line a turn and form, and the medians of the turns' ratios."""
    line = parser("run")
    line.add_argument("--turns", type=int, default=3, metavar="N", help="default: 3")
    try:
        arguments = line.parse_args()
        asked = request(arguments)
        backbone = load(asked.specs[0], find_device(asked.device))
        tasks = TASKS.select(asked.tasks).values()
        forms = [(task, *form) for task in tasks for form in ways(task, asked.data).items()]
    except UserError as error:
        print(f"reading.py: {error}", file=sys.stderr)
        return 2
    forward(backbone, at_once(backbone.image_size))  # the first pass is slower
    found: dict[str, list[list[Seconds]]] = {}
    for _ in range(arguments.turns):
        for task, pipeline, way in forms:
            count, took = turn(backbone, way, asked.data)
            found.setdefault(f"{task.name}, {pipeline}", []).append(took)
            print(f"{count:,} images of {task.name}, {pipeline}: {rates(count, took)}", flush=True)
    for name, turns in found.items():
        for what, kind in enumerate(("by the clock", "in processor seconds")):
            first, again = (statistics.median(took[2][what] / took[at][what] for took in turns) for at in (0, 1))
            print(f"{name}: {first:.1f} times as fast as the forward pass {kind}, {again:.1f} times once kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())

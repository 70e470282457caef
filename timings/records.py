"""python timings/records.py --records 100000

Opens a results folder with so many made-up records and draws its report. Prints the seconds of each, and the memory.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from argparse import ArgumentParser
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.records.cells import CellResult, Cost, Environment, TrialFacts
from bench.records.line import written
from bench.records.store import Store
from bench.registry import METHODS
from bench.report import write_report

TASKS, SEEDS = 19, 3


def made_up(records: int) -> list[CellResult]:
    """Final cells of all methods on VTAB-1k's number of tasks for three seeds, then trials of each of them."""
    dice = random.Random(0)
    cost = Cost(10**12, stored_params=10**4, stored_bytes=4 * 10**4, train_seconds=9.0, spent_seconds=9.5)
    finals = [
        CellResult(
            f"{method} {task} {seed}", "final", "done", None, method, {"lr": 0.01}, f"vtab1k/natural/{task}", "natural",
            "vit", seed, {"test": dice.uniform(0.5, 0.9)}, cost, method, "2026-01-01T00:00:00+00:00",
            environment=Environment("4", device="cpu"),
        )
        for method in METHODS.select(["all"]) for task in range(TASKS) for seed in range(SEEDS)
    ]  # fmt: skip
    trials = (
        replace(
            one, key=f"{one.key} {number}", stage="trial", accuracy={"val": dice.uniform(0.4, 0.9)},
            trial=TrialFacts(one.key, number, default=number == 0, over=True),
        )
        for number in count() for one in finals
    )  # fmt: skip
    return [*finals, *islice(trials, max(0, records - len(finals)))][:records]


def main() -> None:
    """Writes the folder, then times what reads it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lines = "".join(map(written, made_up(asked.records)))
        (folder / "cells.jsonl").write_text(lines, encoding="utf-8")
        began = time.perf_counter()
        found = len(Store(folder).index().results)
        opened = time.perf_counter()
        write_report(folder)
        drawn = time.perf_counter()
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{found:,} records, {len(lines) / 1e6:.0f} MB: opened in {opened - began:.1f} s,", end=" ")
        print(f"report in {drawn - opened:.1f} s, {most:,} MiB at most")


if __name__ == "__main__":
    main()

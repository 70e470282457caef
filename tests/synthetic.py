"""Made-up results for tests: stores of any number of methods, tasks and seeds, without training anything."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.records.cells import CellResult, Cost, DataFacts, Environment, TrialFacts, TuningFacts
from bench.records.correct import pack
from bench.records.store import Store
from bench.registry import Label

GROUPS = ("structured", "natural", "specialized")  # not in the order in which they are to be shown
METHODS = (
    "linear_probe", "fine_tune", "lora", "head2toe", "scratch", "head2toe_backbone_ft", "full_ridge", "knn",
    "bias_tuning", "adapter", "vpt_deep", "side_tuning",
)  # fmt: skip


def result(method: str = "linear_probe", task: str = "demo/digits", seed: int = 0, **changes: Any) -> CellResult:
    """A finished cell with plausible figures; `changes` replace fields."""
    made = CellResult(
        key=f"{method}|{task}|{seed}",
        stage="final",
        status="done",
        reason=None,
        method=method,
        params={"lr": 0.01, "steps": 500},
        task=task,
        group="natural",
        backbone="mobilenetv2_100",
        seed=seed,
        accuracy={"test": 0.8, "val": 0.81},
        cost=costs(10**9, 1300, 5200, 1.5),
        registered=Label.parse(method).name,
        started=f"2026-01-02T03:04:{seed:02d}+00:00",
        environment=Environment("1"),
    )
    return replace(made, **changes)


def read_back(folder: Path, results: Sequence[CellResult], **changes: object) -> list[CellResult]:
    """What is read of these records after one has changed fields of theirs in the file; damaged ones are left out."""
    lines = [json.dumps({**asdict(one), **changes}) + "\n" for one in results]
    (folder / "cells.jsonl").write_text("".join(lines), encoding="utf-8")
    return Store(folder).results()


def costs(flops: int, numbers: int, kept: int, seconds: float, peak: int | None = 10**8) -> Cost:
    return Cost(
        train_flops=flops, stored_params=numbers, stored_bytes=kept, train_seconds=seconds, eval_seconds=0.5,
        spent_seconds=seconds + 0.5, peak_bytes=peak,
    )  # fmt: skip


def counted(results: Sequence[CellResult], images: int = 5000) -> list[CellResult]:
    """The same, their records saying on how many images they were tested."""
    return [replace(one, data=replace(one.data, test_counts={"test": images})) for one in results]


def comparison(methods: int | Sequence[str], tasks: int, seeds: int = 1, suite: str = "demo") -> list[CellResult]:
    """Every method on every task for every seed, the same numbers each time it is called."""
    names = METHODS[:methods] if isinstance(methods, int) else methods
    dice = random.Random(0)
    ease = [dice.uniform(0.3, 0.7) for _ in range(tasks)]
    found = []
    for method in names:
        skill, scale = dice.uniform(0, 0.25), 10 ** dice.uniform(0, 4)
        for at in range(tasks):
            group = GROUPS[at % 3]
            for seed in range(seeds):
                accuracy = {"test": min(0.99, ease[at] + skill + dice.gauss(0, 0.03)), "val": 0.7}
                cost = costs(int(1e9 * scale), int(500 * scale), int(2000 * scale), scale / 50, None)
                name = f"{suite}/{group}/task_{at}"
                found.append(result(method, name, seed, group=group, accuracy=accuracy, cost=cost))
    return found


def answered(results: Sequence[CellResult], images: int = 5000) -> list[CellResult]:
    """The same with which of so many images each got right: the easy ones mostly, and as many as makes its accuracy."""
    found = []
    for at, one in enumerate(results):
        ease = np.random.default_rng(len(one.task)).random(images) + np.random.default_rng(at).random(images) / 2
        right = ease <= np.sort(ease)[round(one.accuracy["test"] * images) - 1]
        data = DataFacts(fingerprint=one.task, test_counts={"test": images})
        accuracy = {**one.accuracy, "test": float(right.mean())}
        found.append(replace(one, accuracy=accuracy, data=data, correct={"test": pack(right)}))
    return found


def selecting(results: Sequence[CellResult], taps: int = 54) -> list[CellResult]:
    """The same, their records telling how many features of each tap were kept, and a path of penalties."""
    dice = random.Random(2)
    found = []
    for one in results:
        kept = {f"blocks.{at // 8}.bn{at % 8}": (dice.randint(0, at + 1), 512) for at in range(taps)}
        steps = range(1, 7)
        curves = {
            "path/penalty": [(step, 0.5 ** (step + 2)) for step in steps],
            "path/kept": [(step, 30 * step) for step in steps],
            "path/own": [(step, 0.5 + 0.05 * step) for step in steps],
            "path/refitted": [(step, 0.7 + dice.uniform(0, 0.1)) for step in steps],
            "path/chosen": [(6, 0.8)],
        }
        found.append(replace(one, kept=kept, curves=curves))
    return found


def tuned(methods: int | Sequence[str], tasks: int, trials: int = 10, sampler: str = "tpe") -> list[CellResult]:
    """A comparison of which every cell was tuned: its trials, the replays of those that led, and the final cell."""
    dice = random.Random(1)
    found: list[CellResult] = []
    for final in comparison(methods, tasks):
        study = f"{final.method}/{final.task}"
        best = final.accuracy["test"]
        leading, chosen = -1.0, -1
        pass_once = final.cost.train_flops or 0
        for number in range(trials):
            lr = 0.01 if number == 0 else 10 ** dice.uniform(-5, 0)
            val = min(0.99, best - 0.02 * abs(math.log10(lr) + 2.5) + dice.gauss(0, 0.01))
            of = TrialFacts(study, number, default=number == 0, over=True)
            place: dict[str, Any] = {"params": {"lr": lr, "steps": 500}, "trial": of}
            cost = Cost(
                train_flops=int(1.3 * pass_once), shared_flops=pass_once, shared_seconds=0.5,
                train_seconds=0.5 + pass_once / 1e10, spent_seconds=0.1,
            )  # fmt: skip
            key = f"{study}|{number}"
            pruned = number % 7 == 5
            changes = {"accuracy": {"val": val}, "cost": cost, **place}
            if pruned:
                changes |= {"status": "skipped", "reason": "pruned: behind the median", "accuracy": {}}
            found.append(replace(final, key=key, stage="trial", **changes))
            if not pruned and val > leading:
                leading, chosen = val, number
                test = {"test": val - 0.01}
                found.append(replace(final, key=f"{key}|replay", stage="replay", accuracy=test, **place))
        tuning = TuningFacts(study, asked=trials, trials=trials, sampler=sampler, chosen=chosen)
        cost = replace(final.cost, tune_flops=int(0.3 * pass_once * trials), tune_seconds=trials * pass_once / 1e10)
        found.append(replace(final, cost=cost, tuning=tuning))
    return found

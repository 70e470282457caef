"""Every registered method, run by the harness on a folder of images and exported."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bench.backbone.network import load
from bench.costs.budget import Budget
from bench.export import export
from bench.images.pixels import pixels
from bench.records.cells import CellResult
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.runs import scoring
from bench.runs.plan import Terms, plan
from bench.runs.runner import run
from bench.runs.session import Session
from bench.spec import BackboneSpec
from tests.methods.test_contract import PLACED, quick

CPU = torch.device("cpu")
CLASSES = ["bands", "dots", "plain"]


def names() -> list[str]:
    """The names of all registered methods that have a place in the embedded backbone."""
    return PLACED


@dataclass(frozen=True)
class Exports:
    """A results folder of every method on a folder of images, the exported folders, and what was evaluated."""

    home: Path
    store: Store
    results: dict[str, CellResult]  # by method
    logits: dict[str, Tensor]  # by method, (images, 3): those that were evaluated
    images: list[Path]  # the test images
    pixels: Tensor  # the same, uint8 (n, 3, size, size)

    def folder(self, name: str) -> Path:
        """Where a method was exported to."""
        return self.home / "exported" / name


def draw(photos: Path) -> None:
    """A few pictures of each class, of different sizes."""
    dice = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (photos / name).mkdir(parents=True)
        for number in range(12):
            height, width = dice.integers(30, 60, 2)
            picture = dice.normal(60 + 70 * label, 12, (height, width, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(picture).save(photos / name / f"{number}.png")


def export_every_method(home: Path) -> Exports:
    """Runs every method, keeps the logits as they are evaluated, and exports each cell."""
    draw(home / "photos")
    backbone, store = load(BackboneSpec("demo"), CPU), Store(home / "results")
    chosen = TASKS.select([f"folder:{home / 'photos'}"])
    cells = [
        replace(cell, method=quick(cell.label.text))
        for cell in plan(METHODS.select(PLACED), chosen, BackboneSpec("demo"), [0], home, Terms(effort="quick")).cells
    ]
    test: Any = cells[0].found.load().tests["test"].images
    shown = pixels(test, backbone.image_size)
    heard: list[Tensor] = []
    real = scoring.evaluate

    def listen(network: Any, adapted: Any, *more: Any) -> Any:
        heard.extend(one.logits(shown).clone() for one in adapted)
        return real(network, adapted, *more)

    with pytest.MonkeyPatch.context() as patch, store.lock():
        patch.setattr(scoring, "evaluate", listen)
        results = run(cells, Session(store, Budget(), backbone))
    assert [one.reason for one in results] == [None] * len(names())
    by_method = {one.method: one for one in results}
    logits = {one.method: scores for one, scores in zip(results, heard, strict=True)}
    made = Exports(home, store, by_method, logits, [home / "photos" / name for name in test.images.names], shown)
    for name, result in by_method.items():
        export(result, store, made.folder(name))
    return made

"""Which test images were answered rightly: as text, in a record of every kind of method, and in the report."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import methods  # noqa: F401  registers the methods
import tasks  # noqa: F401  registers the tasks
from bench.backbone.network import load
from bench.costs.budget import Amount, Budget
from bench.images.pixels import batches
from bench.records.cells import CellResult, Tuning
from bench.records.correct import pack, unpack
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.report.numbers.evidence import difference_interval, sample, task_interval
from bench.report.numbers.grid import Grid, grids
from bench.report.words.sure import certainty
from bench.runs.plan import plan
from bench.runs.runner import run
from bench.runs.session import Session
from bench.spec import BackboneSpec, Split
from bench.tracking import record
from tests import toy
from tests.synthetic import answered, comparison, read_back


@pytest.mark.parametrize("images", [1, 7, 8, 9, 150, 5400])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.97, 1.0])
def test_what_is_packed_is_unpacked(images: int, share: float) -> None:
    right = np.random.default_rng(images).random(images) < share
    text = pack(right)
    found = unpack(text, images)
    assert found is not None and found.dtype == bool and found.tolist() == right.tolist()
    assert len(text) < 1000
    assert unpack(text, images + 8) is None and unpack(text, max(0, images - 8)) is None


def test_damaged_text_is_nothing() -> None:
    text = pack(np.random.default_rng(0).random(5000) < 0.8)
    bomb = base64.b64encode(zlib.compress(bytes(10**8), 9)).decode()
    swapped = text[:100] + ("A" if text[100] != "A" else "B") + text[101:]
    for damaged in ("", "…", "AAAA", text[:-8], text[1:], swapped, text + "AAAA", bomb, None, 7, {"test": text}):
        assert unpack(damaged, 5000) is None, damaged


def images_right(method: Any, backbone: Any, kept: Path, test: Split) -> list[bool]:
    """Judged by itself, with what it kept."""
    restored = method.restore(backbone, load_file(kept), test.classes)
    scores = torch.cat([restored.logits(images) for images in batches(test.images, backbone.image_size, 128)])
    if test.possible is not None:
        scores[:, [at for at in range(test.classes) if at not in test.possible]] = -torch.inf
    return list((scores.argmax(1).numpy() == test.labels).tolist())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
def test_records_of_every_kind_of_method_say_which_images_were_right(tmp_path: Path) -> None:
    """Probes judged in one pass, and networks of their own; test sets on which all or a few classes are possible."""
    spec, network = BackboneSpec("demo"), load(BackboneSpec("demo"), torch.device("cpu"))
    quick = {"steps": 20, "target": 64, "epochs": 1}
    chosen = {name: METHODS.select([name])[name] for name in ("linear_probe", "all_features", "lora", "fine_tune")}
    cells = plan(chosen, TASKS.select(["demo/cells"]), spec, [0], Path("nowhere")).cells
    data = cells[0].found.load()
    test = data.tests["test"]
    few = Split(test.images, test.labels, test.classes, possible=frozenset({0, 1}))
    data = replace(data, tests={"test": test, "ood/few": few})
    made = []
    for cell in cells:
        known = {name: value for name, value in quick.items() if name in asdict(cell.method)}  # type: ignore[call-overload]
        found = replace(cell.found, load=lambda: data)
        made.append(replace(cell, method=replace(cell.method, **known), found=found))  # type: ignore[type-var]
    session = Session(Store(tmp_path), Budget(), network)
    with session.store.lock():
        run(made, session)
    results = {result.method: result for result in Store(tmp_path).results()}
    assert results.keys() == chosen.keys()
    for cell in made:
        result = results[cell.label.text]
        assert result.status == "done" and result.correct.keys() == data.tests.keys() == result.accuracy.keys()
        for name, split in data.tests.items():
            right = unpack(result.correct[name], len(split.labels))
            assert right is not None and right.mean() == result.accuracy[name]
            with torch.no_grad():
                alone = images_right(cell.method, network, session.store.delta(cell.key), split)
            assert np.mean(right == alone) > 0.99  # probes are scored in other batches, and a tie may fall otherwise


def test_only_final_records_have_answers_and_a_rerun_keeps_them(tmp_path: Path) -> None:
    clock = toy.Clock()
    cells = toy.cells({"a": toy.method(clock)}, tuning=Tuning(3, "tpe", 0))
    run(cells, toy.session(tmp_path, clock, Amount(1e9, 1e18)))
    results = Store(tmp_path).results()
    assert {result.stage for result in results} == {"trial", "final", "replay"}
    for result in results:
        assert bool(result.correct) == (result.stage == "final")
    (final,) = (result for result in results if result.stage == "final")
    right = unpack(final.correct["test"], 12)
    assert right is not None and right.mean() == final.accuracy["test"]
    run(cells, toy.session(tmp_path, clock, Amount(1e9, 1e18)))
    assert all(result.correct == final.correct for result in Store(tmp_path).results() if result.stage == "final")


def grid_of(results: list[CellResult]) -> Grid:
    (grid,) = grids(results)
    return grid


def test_a_lead_is_compared_image_by_image() -> None:
    results = answered(comparison(2, 3, 2))
    told = " ".join(certainty(grid_of(results)))
    assert "over test images and seeds (compared image by image) is" in told and "too wide" not in told
    bare = grid_of([replace(one, correct={}) for one in results])
    assert "(as if of different images)" in " ".join(certainty(bare))
    close, wide = (difference_interval(grid, *grid.compared) for grid in (grid_of(results), bare))
    assert close is not None and wide is not None
    assert close.high - close.low < wide.high - wide.low


def other_images(one: CellResult) -> CellResult:
    return replace(one, data=replace(one.data, fingerprint=f"of seed {one.seed}"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda one: replace(one, correct={}),
        lambda one: replace(one, correct={"test": one.correct["test"][:-9]}),
        lambda one: replace(one, correct={"test": pack(np.ones(5000, bool))}),  # not what its accuracy says
        lambda one: replace(one, correct={"test": "damaged"}),
        other_images,
    ],
)
def test_answers_that_are_not_sound_are_as_if_absent(harm: Callable[[CellResult], CellResult]) -> None:
    good = answered(comparison(2, 1, 2))
    grid = grid_of([*good[:-1], harm(good[-1])])
    sound, spoilt = (sample(grid, one.method, one.task) for one in (good[0], good[-1]))
    assert sound is not None and sound.answers is not None and sound.answers.shape == (2, 5000)
    assert spoilt is not None and spoilt.answers is None and spoilt.images == 5000
    found = difference_interval(grid, good[0].method, good[-1].method)
    assert found is not None and not found.paired
    assert task_interval(grid, good[-1].method, good[-1].task) is not None


@pytest.mark.parametrize("told", [{"test": 3}, "damaged", None, ["test"]])
def test_a_record_whose_answers_are_no_text_is_not_read(told: object, tmp_path: Path) -> None:
    assert read_back(tmp_path, answered(comparison(1, 1)), correct=told) == []


def test_methods_tested_on_different_images_are_not_paired() -> None:
    first, second = answered(comparison(2, 1))
    moved = replace(second, data=replace(second.data, fingerprint="another copy"))
    for other, paired in ((second, True), (moved, False)):
        found = difference_interval(grid_of([first, other]), first.method, second.method)
        assert found is not None and found.paired == paired


def test_lines_without_answers_are_read_and_nothing_else_carries_them(tmp_path: Path) -> None:
    (one,) = answered(comparison(1, 1))
    old = asdict(replace(one, key="old"))
    del old["correct"]
    (tmp_path / "cells.jsonl").write_text(f"{json.dumps(asdict(one))}\n{json.dumps(old)}\n", encoding="utf-8")
    new, before = Store(tmp_path).results()
    assert new.correct == one.correct and before.correct == {}
    logged = (record.tags(new), record.params(new), record.metrics(new), record.curves(new), record.dataset(new))
    assert one.correct["test"] not in str(logged)


def test_the_tables_of_864_records_with_answers_take_seconds(tmp_path: Path) -> None:
    """Processor time, so that a busy machine does not fail it."""
    lines = [json.dumps(asdict(one)) + "\n" for one in answered(comparison(12, 24, 3))]
    (tmp_path / "cells.jsonl").write_text("".join(lines), encoding="utf-8")
    code = (
        "import sys, time; from pathlib import Path; from bench.records.store import Store\n"
        "from bench.report import document; from bench.report.numbers import grid\n"
        f"found = grid.grids(Store(Path({str(tmp_path)!r})).latest().values())\n"
        "chapters = [document.chapter(one) for one in found]\n"
        f"document.figure_frame(found).to_csv({str(tmp_path / 'table.csv')!r}, index=False)\n"
        "print('torch' in sys.modules, time.process_time())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    torch_seen, seconds = done.stdout.split()
    assert torch_seen == "False" and float(seconds) < 8
    text = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert len(text) < sum(map(len, lines)) / 5

"""Lines that were written when the facts of a record were one untyped `provenance`: read, reported and resumed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import methods  # noqa: F401  registers the methods
import tasks  # noqa: F401  registers the tasks
from bench.costs.budget import UNLIMITED
from bench.records.cells import CellResult, Tuning
from bench.records.correct import unpack
from bench.records.line import parse, written
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.report import write_report
from bench.runs.plan import Terms, plan, split_done, study_name
from bench.runs.runner import run
from bench.spec import BackboneSpec
from bench.tracking import record
from tests import toy
from tests.synthetic import answered, comparison, selecting, tuned

LINES = Path(__file__).with_name("former.jsonl")  # a trial, the final cell and the replay of a tuned run
STUDY = "head2toe_path · demo/digits · demo · 6e2154dd"


def former(result: CellResult) -> dict[str, Any]:
    """The fields of a record as they once were."""
    fields = asdict(result)
    network = fields.pop("network")
    data, digest, checkpoint = fields.pop("data"), network.pop("digest"), network.pop("checkpoint")
    optional = {"trial": "trial", "tuning": "tuning", "expectation": "expected", "kept": "chosen"}
    told = {of: fields.pop(name) for name, of in optional.items()}
    fields["answers"] = fields.pop("correct")
    fields["provenance"] = {
        **fields.pop("environment"), "pipeline": data["pipeline"], "data_fingerprint": data["fingerprint"],
        "weights_digest": digest, "checkpoint": checkpoint, "classes": data["classes"], "backbone": network,
        "started": fields.pop("started"), "test_counts": data["test_counts"],
        **{name: value for name, value in told.items() if value},
    }  # fmt: skip
    del fields["registered"]
    return fields


def rewrite(folder: Path) -> None:
    """Turns the records of a folder into lines as they once were."""
    lines = [json.dumps(former(one)) + "\n" for one in Store(folder).results()]
    (folder / "cells.jsonl").write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder with the lines."""
    shutil.copyfile(LINES, tmp_path / "cells.jsonl")
    return tmp_path


def test_every_fact_is_found_again(folder: Path) -> None:
    trial, final, replay = Store(folder).results()
    raw = [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()]
    for one, fields in zip((trial, final, replay), raw, strict=True):
        old = fields["provenance"]
        assert (one.key, one.stage, one.registered, one.started) == (
            fields["key"], fields["stage"], "head2toe_path", old["started"],
        )  # fmt: skip
        assert (one.accuracy, one.params) == (fields["accuracy"], fields["params"])
        assert asdict(one.cost) == {**fields["cost"], "spent_eval_seconds": None, "spent_eval_flops": None}
        environment = {name: old[name] for name in ("protocol", "versions", "git", "device")}
        assert asdict(one.environment) == {**environment, "precision": None, "compiled": False}
        assert (one.data.pipeline, one.data.fingerprint) == (old["pipeline"], old["data_fingerprint"])
        assert (one.data.classes, one.data.test_counts) == (10, old.get("test_counts", {}))
        asked = {"checkpoint": None, "precision": None, "compile": False}
        assert asdict(one.network) == {**old["backbone"], "digest": old["weights_digest"], **asked}
        assert one.expectation is not None and asdict(one.expectation) == {**old["expected"], "evaluated": None}
    assert trial.trial is not None and asdict(trial.trial) == raw[0]["provenance"]["trial"]
    assert trial.trial.default and trial.trial.over
    assert replay.trial is not None and (replay.trial.study, replay.trial.number) == (STUDY, 0)
    assert final.trial is None and trial.tuning is None and replay.tuning is None
    assert final.tuning is not None and asdict(final.tuning) == raw[1]["provenance"]["tuning"]
    assert list(final.kept.items()) == [(tap, tuple(pair)) for tap, pair in raw[1]["provenance"]["chosen"].items()]
    right = unpack(final.correct["test"], 1594)
    assert right is not None and right.mean() == final.accuracy["test"]
    assert record.study(final) == record.study(trial) == STUDY


def test_a_cell_of_another_protocol_is_run_anew(folder: Path) -> None:
    chosen, demo = METHODS.select(["head2toe_path"]), TASKS.select(["demo/digits"])
    (cell,) = plan(chosen, demo, BackboneSpec("demo"), [0], Path("nowhere"), Terms(Tuning(3, "tpe", 0))).cells
    assert split_done([cell], Store(folder).latest(), force=False) == ([cell], [])
    assert not Store(folder).index().trials(study_name(cell))


def test_they_are_reported(folder: Path) -> None:
    report = write_report(folder)
    page = report.paths[0].read_text(encoding="utf-8")
    assert len(report.summary.parts) == 1 and "not read" not in page
    assert "--methods head2toe_path --tasks demo/digits" in page and "--tune 3" in page
    assert "demo_demo_chosen_by_layer.svg" in {path.name for path in report.paths}


@pytest.mark.parametrize(
    "made", [comparison(3, 2, 2), answered(comparison(2, 2)), selecting(comparison(2, 1)), tuned(2, 2)]
)
def test_records_in_both_shapes_read_alike(made: list[CellResult]) -> None:
    for one in made:
        assert parse(json.dumps(former(one))) == one == parse(written(one))


def test_a_search_goes_on_from_them(tmp_path: Path) -> None:
    clock = toy.Clock()
    runs = {}
    for name in ("one", "two"):
        for trials in (4, 10):
            cells = toy.cells({"m": toy.method(clock)}, 1, Tuning(trials, "tpe", 0))
            run(cells, toy.session(tmp_path / name, clock, UNLIMITED))
            if name == "two" and trials == 4:
                rewrite(tmp_path / name)
        found = Store(tmp_path / name).results()
        runs[name] = [(one.stage, one.trial and one.trial.number, one.params, one.accuracy) for one in found]
    assert len([stage for stage, *_ in runs["one"] if stage == "trial"]) == 10
    assert runs["one"] == runs["two"]


def test_estimates_learn_from_them(tmp_path: Path) -> None:
    clock = toy.Clock()
    (cell,) = toy.cells({"m": toy.method(clock, 5)})
    run([cell], toy.session(tmp_path, clock, UNLIMITED))
    rewrite(tmp_path)
    assert toy.session(tmp_path, clock, UNLIMITED).estimate(cell).seconds == pytest.approx(5, abs=0.01)


def test_a_kill_before_them_is_charged(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (lost,) = comparison(1, 1)
    note = {"seconds": 7.5, "flops": 10, "record": {**former(lost), "status": "failed", "reason": "killed"}}
    store.working.write_text(json.dumps(note), encoding="utf-8")
    charged = store.recover()
    assert charged is not None and (charged.cost.spent_seconds, charged.cost.spent_flops) == (7.5, 10)
    assert Store(tmp_path).results() == [charged]


@pytest.mark.parametrize(
    "facts",
    [
        {"backbone": "x"}, {"versions": "y"}, {"tuning": "z"}, {"trial": 3}, {"protocol": 1}, {"chosen": {"a": 3}},
        {"test_counts": [1]}, {"expected": {"seconds": "1", "flops": 1, "passes": 1}}, {"trial": {"number": 1}},
    ],
)  # fmt: skip
def test_one_with_strange_facts_is_not_read(facts: Mapping[str, object]) -> None:
    (one,) = comparison(1, 1)
    fields = former(one)
    assert parse(json.dumps(fields)) == one
    fields["provenance"].update(facts)
    assert parse(json.dumps(fields)) is None


@pytest.mark.parametrize("provenance", [None, [], "x", 3])
def test_one_without_a_sound_provenance_is_not_read(provenance: object) -> None:
    assert parse(json.dumps({**former(comparison(1, 1)[0]), "provenance": provenance})) is None


def test_one_that_says_next_to_nothing_is_read() -> None:
    """As the first versions wrote: no facts, and no answers."""
    fields = former(comparison(1, 1)[0])
    del fields["answers"], fields["curves"]
    fields["provenance"] = {}
    found = parse(json.dumps(fields))
    assert found is not None and (found.started, found.kept, found.correct) == ("", {}, {})
    assert found.network.name is None and found.tuning is None

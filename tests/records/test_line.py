"""A line of the store: written and read it is the same record, and what is no record is refused as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.records.cells import CellResult, Cost, DataFacts, Environment, Expectation, NetworkFacts
from bench.records.line import parse, written
from tests.synthetic import answered, comparison, result, selecting, tuned

FULL = replace(
    next(one for one in tuned(1, 1) if one.tuning),
    environment=Environment("2", {"torch": "2.15.0", "peft": None}, "3e0ef4ef221d+", "cpu (x86_64, 2 threads)"),
    data=DataFacts("raw zip", "demo/digits@1", ["Katze", "猫", "a\udcff"], {"test": 1594, "ood/noisy": 1594}),
    network=NetworkFacts(
        "resnet18", {"layers": [1, 1]}, "checkpoint", "sha256:9", "/a", 32, [0.5, 0.5, 0.5], [1, 1, 1], "bilinear"
    ),
    expectation=Expectation(0.2, 21781632000, 1000.000001),
    kept={"logits": (0, 290), "conv1": (400, 400)},
    curves={"loss": [(1, 2.5), (2, 1)], "val": []},
    correct={"test": "eNo="},
)
REQUIRED = [one.name for one in fields(CellResult) if one.default is MISSING and one.default_factory is MISSING]


@pytest.mark.parametrize(
    "made", [[FULL], comparison(3, 2), answered(comparison(2, 1)), selecting([result()]), tuned(2, 1)]
)
def test_what_is_written_is_read_back(made: list[CellResult]) -> None:
    for one in made:
        line = written(one)
        assert line.count("\n") == 1 and line.endswith("\n")
        found = parse(line)
        assert found == one
        assert found is not None and list(found.kept) == list(one.kept) and written(found) == line


def test_what_a_newer_version_adds_is_ignored() -> None:
    told = asdict(FULL)
    for of in (told, told["cost"], told["environment"], told["data"], told["network"], told["tuning"]):
        of["added"] = {"later": [1, None]}
    assert parse(json.dumps(told)) == FULL


@pytest.mark.parametrize("name", REQUIRED)
def test_a_record_that_lacks_a_field_is_not_read(name: str) -> None:
    told = asdict(FULL)
    del told[name]
    assert parse(json.dumps(told)) is None


def test_a_record_that_lacks_its_facts_is_read() -> None:
    told = {name: value for name, value in asdict(FULL).items() if name in REQUIRED}
    found = parse(json.dumps(told))
    assert found is not None
    assert (found.environment, found.data, found.network) == (Environment(), DataFacts(), NetworkFacts())
    assert (found.trial, found.tuning, found.expectation, found.kept, found.correct) == (None, None, None, {}, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"key": 1}, {"key": None}, {"stage": "finale"}, {"status": "Done"}, {"reason": 3}, {"params": []},
        {"seed": "0"}, {"seed": 0.5}, {"seed": True}, {"accuracy": {"test": "0.8"}}, {"accuracy": {"test": None}},
        {"accuracy": [0.8]}, {"cost": None}, {"cost": {"spent_seconds": "1"}}, {"cost": {"train_flops": 1.5}},
        {"cost": {"peak_bytes": True}}, {"environment": []}, {"environment": {"versions": {"torch": 2}}},
        {"data": {"classes": "ten"}}, {"data": {"test_counts": {"test": "many"}}}, {"network": {"mean": 0.5}},
        {"trial": {"study": "s"}}, {"trial": {"study": 1, "number": 1}}, {"tuning": {"asked": "many", "study": "s"}},
        {"tuning": 3}, {"expectation": {"seconds": 1.0}}, {"kept": {"a": [1]}}, {"curves": {"loss": [[1]]}},
        {"curves": {"loss": [[1.5, 1.0]]}}, {"correct": {"test": 3}}, {"correct": []},
    ],
)  # fmt: skip
def test_a_record_of_another_shape_is_refused_as_a_whole(changes: Mapping[str, object]) -> None:
    assert parse(json.dumps({**asdict(FULL), **changes})) is None


PLACES = {
    "accuracy": '{"test":X}',
    "cost": '{"train_seconds":X}',
    "expectation": '{"seconds":X,"flops":1,"passes":1}',
    "curves": '{"loss":[[1,X]]}',
    "params": '{"lr":X}',
}


@pytest.mark.parametrize(
    ("place", "number"),
    [
        *((place, number) for place in PLACES for number in ("NaN", "Infinity", "-Infinity")),
        *((place, "1e999") for place in PLACES if place != "params"),
    ],
)
def test_what_is_no_number_is_refused(place: str, number: str) -> None:
    told = json.dumps({**asdict(FULL), place: "HERE"}).replace('"HERE"', PLACES[place])
    assert parse(told.replace("X", "0.25", 1)) is not None
    assert parse(told.replace("X", number, 1)) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_record_is_made_or_written_of_what_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        Cost(train_seconds=value)
    with pytest.raises(ValueError, match="finite"):
        result(accuracy={"test": value})
    with pytest.raises(ValueError, match="not JSON compliant"):
        written(result(params={"lr": value}))


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_without_end_is_refused(opening: str, closing: str) -> None:
    deep = opening * 10_000 + "1" + closing * 10_000
    told = json.dumps({**asdict(FULL), "params": "HERE"})
    for line in (deep, told.replace('"HERE"', deep), told.replace('"HERE"', '{"a":' + opening * 10_000)):
        assert parse(line) is None


@pytest.mark.parametrize(
    "line", ["", "\n", "null", "[]", "3", '"provenance"', "{}", '{"key": 1}', "\x00", "\ufffd", "{"]
)
def test_what_is_no_record_is_refused(line: str) -> None:
    assert parse(line) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(
    places=st.lists(st.sampled_from([*asdict(FULL), "provenance"]), min_size=1, max_size=3),
    values=st.lists(JSON, min_size=3, max_size=3),
    cut=st.integers(0, 40),
)
def test_whatever_a_line_holds_it_is_a_record_or_refused(places: list[str], values: list[Any], cut: int) -> None:
    told = json.dumps({**asdict(FULL), **dict(zip(places, values, strict=False))})
    found = parse(told)
    if found is not None:
        assert parse(written(found)) == found
    assert parse(told[: -1 - cut]) is None

"""How to measure a grid again: the command, and the TOML file that does the same."""

from __future__ import annotations

import html
import json
import shlex
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from bench.commands.parser import parse, request
from bench.records.cells import CellResult, Environment, NetworkFacts, TuningFacts
from bench.report import write_report
from bench.report.words.origin import facts
from bench.report.words.rerun import as_toml, command
from tests.report.handmade import grid_of
from tests.synthetic import comparison, result


def test_the_command_names_what_was_run() -> None:
    found = {
        "network": NetworkFacts(None, {"pad_type": "same"}, "checkpoint", image_size=96, mean=[0.5], std=[0.5]),
        "tuning": TuningFacts("s", asked=10, sampler="random"),
    }
    cells = [result(m, "vtab1k/natural/a b", seed, **found) for m in ("lora", "knn") for seed in (0, 1)]
    assert command(grid_of(cells)) == (
        "python run_bench.py --methods knn lora --tasks 'vtab1k/natural/a b' --seeds 0 1 --backbone mobilenetv2_100 "
        "--checkpoint FILE --backbone-arg pad_type=same --image-size 96 --mean 0.5 --std 0.5 "
        "--effort quick --tune 10 --sampler random --data DATA"
    )
    plain = grid_of([result(backbone="demo", environment=Environment("1", git="abc"))])
    assert command(plain) == "python run_bench.py --methods linear_probe --tasks demo/digits --backbone demo"
    assert ("code", ["abc"]) in facts(plain)


def read(results: Sequence[CellResult]) -> dict[str, object]:
    return tomllib.loads(as_toml(grid_of(results)))


def test_the_file_holds_the_flags_that_differ_from_the_defaults() -> None:
    assert read([result(backbone="demo")]) == {"methods": ["linear_probe"], "tasks": ["demo/digits"]}
    network = NetworkFacts(None, {"pad_type": "same"}, "checkpoint", image_size=96, mean=[0.5], std=[0.5])
    about = {"network": network, "tuning": TuningFacts("s", asked=10, sampler="random")}
    assert read([result("lora", "vtab1k/natural/a", seed, **about) for seed in (0, 1)]) == {
        "methods": ["lora"], "tasks": ["vtab1k/natural/a"], "seeds": [0, 1], "backbone": ["mobilenetv2_100"],
        "checkpoint": ["FILE"], "backbone-arg": ["pad_type=same"], "image-size": 96, "mean": [0.5], "std": [0.5],
        "effort": "quick", "tune": 10, "sampler": "random", "data": "DATA",
    }  # fmt: skip


def test_what_the_records_do_not_hold_is_asked_for() -> None:
    auto = [result("lora", backbone="demo", tuning=TuningFacts("s", asked="auto", sampler="tpe"))]
    text = as_toml(grid_of(auto))
    assert "# The records do not hold the value of 'budget'; write yours." in text
    assert tomllib.loads(text) | {"budget": ["2h"]} == {
        "methods": ["lora"], "tasks": ["demo/digits"], "tune": "auto", "budget": ["2h"],
    }  # fmt: skip
    assert command(grid_of(auto)).endswith("--tune auto --budget LIMIT")


def test_methods_tuned_with_the_oracle_take_a_run_of_their_own() -> None:
    about = {"backbone": "demo", "tuning": TuningFacts("s", asked=3, sampler="tpe")}
    found = [result(method, **about) for method in ("lora", "lora (oracle)", "knn (oracle)")]
    plain, oracle = command(grid_of(found)).split("\n")
    assert "--methods lora --tasks" in plain and "--oracle" not in plain
    assert "--methods knn lora --tasks" in oracle and oracle.endswith("--tune 3 --oracle")
    first, _, second = as_toml(grid_of(found)).partition("# Then run it once more with:\n")
    assert tomllib.loads(first)["methods"] == ["lora"]
    assert tomllib.loads(second.replace("# ", ""))["methods"] == ["knn", "lora"]


def test_other_formats_of_deltas_take_a_run_of_their_own() -> None:
    found = [result(name, backbone="demo", store=store) for name, store in (("lora", "fp32"), ("lora · int8", "int8"))]
    plain, short = command(grid_of(found)).split("\n")
    assert plain == "python run_bench.py --methods lora --tasks demo/digits --backbone demo"
    assert short == "python run_bench.py --methods lora --tasks demo/digits --backbone demo --store int8"


HOSTILE = ['a"b', "back\\slash", "line\nbreak", "tab\t", "\x7f\x01\x1f", "é→😀", "# no comment", "'quoted'", "]", ""]


def test_records_that_no_run_can_have_made_give_their_names() -> None:
    network = NetworkFacts(image_size=-3, mean=[0.5, 0.5], std=[0.0])
    found = read([result("lora", "demo/digits", seed=-1, network=network)])
    assert found == {"methods": ["lora"], "tasks": ["demo/digits"], "backbone": ["mobilenetv2_100"]}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_comes_back_from_the_file(name: str) -> None:
    network = NetworkFacts(None, {name: name}, image_size=32)
    found = read([result(name, f"demo/{name}", backbone=name, network=network)])
    assert found["methods"] == [name] and found["tasks"] == [f"demo/{name}"]
    assert found["backbone"] == [name] and found["backbone-arg"] == [f"{name}={name}"]


@pytest.mark.parametrize("name", ["demo", "mobilenetv2_100"])
def test_the_command_and_the_file_ask_for_the_same(tmp_path: Path, name: str) -> None:
    network = NetworkFacts(None, {"pad_type": "same", "depth": 6}, "checkpoint", image_size=96, mean=[0.5], std=[0.5])
    about = {"backbone": name, "network": network, "tuning": TuningFacts("s", asked=10, sampler="random")}
    pairs = [("lora:rank=2", "demo/a b"), ("knn", "demo/a b")]
    grid = grid_of([result(method, task, seed, **about) for method, task in pairs for seed in (0, 3)])
    (tmp_path / "run.toml").write_text(as_toml(grid), encoding="utf-8")
    by_file = request(parse(["--config", str(tmp_path / "run.toml")])[1])
    by_words = request(parse(shlex.split(command(grid))[2:])[1])
    assert {**vars(by_file), "backbone": list(by_file.backbone)} == vars(by_words)  # the default one is a tuple
    assert by_file.seeds == [0, 3] and by_file.tune == 10


def test_the_file_lies_beside_the_page(tmp_path: Path) -> None:
    """One for each suite and backbone; those of an earlier report go."""
    (tmp_path / "cells.jsonl").write_text("".join(json.dumps(asdict(one)) + "\n" for one in comparison(2, 2)))
    report = write_report(tmp_path)
    (path,) = (path for path in report.paths if path.suffix == ".toml")
    assert path.name == "run.toml" and tomllib.loads(path.read_text(encoding="utf-8"))["tasks"]
    page = html.unescape(report.paths[0].read_text(encoding="utf-8"))
    assert path.read_text(encoding="utf-8") in page and "--config run.toml" in page
    other = [json.dumps(asdict(replace(one, backbone="demo"))) + "\n" for one in comparison(2, 2)]
    with (tmp_path / "cells.jsonl").open("a", encoding="utf-8") as file:
        file.writelines(line.replace('"key": "', '"key": "other ') for line in other)
    page, *others = write_report(tmp_path).paths
    names = [path.name for path in others if path.suffix == ".toml"]
    assert names == ["run-1.toml", "run-2.toml"]
    assert all(f"--config {name}" in page.read_text(encoding="utf-8") for name in names)
    assert sorted(path.name for path in (tmp_path / "report").glob("*.toml")) == names

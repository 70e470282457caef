"""The file of `--config`: it holds any flag, flags win, and the file of a request asks for the same plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bench.commands.config import read
from bench.commands.parser import parse, request
from bench.records.request import Request, as_toml
from bench.runs.comparison import Comparison
from bench.spec import UserError


def file(folder: Path, text: str) -> Path:
    path = folder / "asked.toml"
    path.write_text(text, encoding="utf-8")
    return path


def asked(folder: Path, text: str, *flags: str) -> Request:
    """What a file and flags ask of a run."""
    return request(parse(["--config", str(file(folder, text)), *flags])[1])


def test_keys_are_flags_with_either_dash(tmp_path: Path) -> None:
    text = 'image-size = 64\nmemory_limit = "8GB"\nmethods = "lora"\nseeds = [0, 1]\nforce = true\ntune = 3\nstd = 1\n'
    wanted = Request(
        methods=["lora"], seeds=[0, 1], image_size=64, memory_limit="8GB", force=True, tune=3, std=[1]
    )  # fmt: skip
    assert asked(tmp_path, text) == wanted


def test_flags_win_also_where_a_flag_adds_up(tmp_path: Path) -> None:
    text = 'budget = ["2h"]\nbackbone-arg = ["a=1"]\ntasks = ["vtab1k"]\nseeds = [7]\n'
    found = asked(tmp_path, text, "--budget", "5m", "--backbone-arg", "b=2", "--tasks", "demo/cells")
    assert (found.budget, found.backbone_arg, found.tasks, found.seeds) == (["5m"], ["b=2"], ["demo/cells"], [7])


def test_one_file_serves_all_commands(tmp_path: Path) -> None:
    path = file(tmp_path, 'results = "here"\ntop = 1\nmethods = ["lora"]\nversus = ["published"]\n')
    _, report = parse(["report", "--config", str(path)])
    assert (report.results, report.versus, hasattr(report, "methods")) == (Path("here"), ["published"], False)
    _, predict = parse(["predict", "a", "b", "--config", str(path)])
    assert (predict.top, predict.words) == (1, ["a", "b"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("task = ['demo']", "there is no flag 'task'; did you mean 'tasks'?"),
        ("image-sise = 3", "there is no flag 'image-sise'; did you mean 'image-size'?"),
        ("xyzzy = 3", "there is no flag 'xyzzy'; its keys are the names of flags"),
        ("config = 'other.toml'", "there is no flag 'config'"),
        ("[report]\nresults = 'x'", "there is no flag 'report'"),
        ("seeds = 'one'", "seeds takes a whole number, or a list of them, not 'one'"),
        ("seeds = [0, 1.5]", "seeds takes a whole number, or a list of them, not 1.5"),
        ("seeds = true", "seeds takes a whole number, or a list of them, not True"),
        ("tasks = [['demo']]", "tasks takes a text, or a list of them, not ['demo']"),
        ("results = 3", "results takes a path, as a text, not 3"),
        ("force = 'yes'", "force takes true or false, not 'yes'"),
        ("sampler = 'grid'", "sampler cannot be 'grid'; choose tpe or random"),
        ("image-size = [3, 4]", "image-size takes a whole number, not [3, 4]"),
        ("image-size = 3\nimage_size = 4", "stands there twice"),
        ("tasks = demo", "is not TOML (Invalid value"),
    ],
)
def test_a_wrong_line_names_the_file_and_the_key(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        asked(tmp_path, text)
    assert says in str(error.value)
    assert str(tmp_path / "asked.toml") in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*none\.toml \(No such file or directory\)"):
        read(tmp_path / "none.toml")
    (tmp_path / "photo.toml").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UserError, match=r"photo\.toml is not TOML"):
        read(tmp_path / "photo.toml")


def test_only_what_differs_is_written() -> None:
    assert as_toml(Request()) == ""
    made = Request(tasks=("demo/cells", "demo/digits"), tune="auto", budget=("2h",), std=(0.5,), force=True)
    assert as_toml(made) == (
        'tasks = ["demo/cells", "demo/digits"]\nstd = [0.5]\ntune = "auto"\nbudget = ["2h"]\nforce = true\n'
    )


def test_the_file_of_a_run_gives_the_same_plan(tmp_path: Path) -> None:
    line = "--methods lora:rank=2 linear_probe --tasks demo/cells,demo/digits --seeds 0 3 --tune 4 --sampler random"
    first = request(parse([*line.split(), "--std", "0.5", "--image-size", "32"])[1])
    again = asked(tmp_path, as_toml(first))
    assert again == first
    assert [cell.key for cell in Comparison.of(again).plan().cells] == [
        cell.key for cell in Comparison.of(first).plan().cells
    ]
    assert len(Comparison.of(again).plan().cells) == 8


texts = some.text(some.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)
requests = some.builds(
    Request,
    methods=some.lists(texts, min_size=1), tasks=some.lists(texts, min_size=1), backbone=some.lists(texts, min_size=1),
    seeds=some.lists(some.integers(0, 2**63 - 1), min_size=1), image_size=some.none() | some.integers(1, 4096),
    std=some.just([]) | some.lists(some.floats(1e-300, 1e300), min_size=3, max_size=3),
    results=texts.map(Path), checkpoint=some.lists(texts), force=some.booleans(),
    tune=some.none() | some.integers(1, 99),
)  # fmt: skip


@given(requests)
def test_any_request_comes_back_from_its_file(tmp_path_factory: pytest.TempPathFactory, made: Request) -> None:
    assert asked(tmp_path_factory.mktemp("asked"), as_toml(made)) == Request(**{**vars(Request()), **vars(made)})

"""The API from a notebook's side: names and objects, results as frames, nothing printed, the winner at work."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, make_dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import timm
from safetensors.torch import save_file

import bench
from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers, torch
from bench.api import whole_numbers
from bench.records.cells import CellResult
from bench.registry import METHODS, TASKS
from bench.spec import BackboneSpec, UserError
from bench.tracking.connection import connect
from tests.command_line import make_folder


@dataclass(frozen=True)
class NearestMean(ProbeMethod):
    """The class whose mean embedding is nearest."""

    scale: float = 1.0

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """Scores 2 x·m - |m|², scaled."""
        x, y = examples.matrix, examples.labels
        means = torch.stack([x[y == label].mean(0).nan_to_num() for label in range(examples.classes)])
        return solvers.Head(2 * self.scale * means.T, -self.scale * means.square().sum(1))


@pytest.fixture(scope="module", autouse=True)
def registry() -> Iterator[None]:
    """The registry of methods as it was: other tests in this process look at all of it."""
    _ = list(METHODS.items())
    before = {name: copy(value) for name, value in vars(METHODS).items()}
    yield
    vars(METHODS).update(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def photos(folder: Path) -> Path:
    return make_folder(folder / "photos")


@pytest.fixture(scope="module")
def found(folder: Path, photos: Path) -> bench.Results:
    """Two methods by name and one as an object on a folder of photos, three seeds."""
    methods = ["linear_probe", NearestMean(scale=2.0), NearestMean]
    return bench.compare(methods, f"folder:{photos}", seeds=3, results=folder / "results", track=False)


def test_names_and_objects_become_cells(found: bench.Results) -> None:
    assert found.outcome is not None and found.outcome.complete
    frame = found.frame()
    assert set(frame["method"]) == {"linear_probe", "nearest_mean", "nearest_mean:scale=2.0"}
    assert set(frame["seed"]) == {0, 1, 2} and len(frame) == found.outcome.asked == 9
    assert set(frame.loc[frame["method"] == "nearest_mean:scale=2.0", "params.scale"]) == {2.0}
    assert (frame["accuracy"] > 0.5).all() and (frame["train_flops"] > 0).all()
    assert found.trials().empty


def test_what_is_done_is_not_done_again_and_nothing_is_printed(
    found: bench.Results, photos: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    seen: list[CellResult] = []
    asked = {"tasks": f"folder:{photos}", "results": found.folder, "track": False, "observers": [seen.append]}
    again = bench.compare("linear_probe", seeds=[0, 1, 2], **asked)  # type: ignore[arg-type]
    assert not seen and again.outcome is not None and (again.outcome.asked, again.outcome.done) == (3, 3)
    bench.compare("linear_probe:l2=0.1", seeds=1, **asked)  # type: ignore[arg-type]
    assert [one.method for one in seen] == ["linear_probe:l2=0.1"]
    assert capfd.readouterr() == ("", "")
    bench.compare("linear_probe:l2=0.2", seeds=1, progress=True, **asked)  # type: ignore[arg-type]
    said = capfd.readouterr()
    assert said.out == "" and "[1/1]" in said.err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")
def test_records_are_mirrored_unless_told_otherwise(tmp_path: Path, mlflow_environment: None) -> None:
    bench.compare("linear_probe", "demo/cells", results=tmp_path)
    client = connect(tmp_path)
    (experiment,) = client.search_experiments(filter_string="name = 'head2head'")
    runs = client.search_runs([experiment.experiment_id])
    assert {run.data.tags.get("method") for run in runs} == {None, "linear_probe"}
    assert {run.info.status for run in runs} == {"FINISHED"}


def test_opened_results_are_the_same_to_read(found: bench.Results, capfd: pytest.CaptureFixture[str]) -> None:
    opened = bench.open_results(str(found.folder))
    assert opened.outcome is None
    assert opened.frame().equals(found.frame())
    table = opened.table()
    assert table.index.names == ["suite", "backbone", "method"]
    assert table.iloc[0, 0] == table.iloc[:, 0].max()
    assert "linear_probe" in opened._repr_html_() and "<table" in opened._repr_html_()
    advice = opened.advise(storage="1MB", budget="10m")
    assert "use " in str(advice)
    assert opened.report().name == "report.html" and opened.report().is_file()
    assert capfd.readouterr() == ("", "")
    with pytest.raises(UserError, match="there are no results in"):
        bench.open_results(found.folder / "nowhere")


def test_the_winner_predicts(found: bench.Results, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="names 3 cells"):
        found.export("linear_probe", "photos*", to=tmp_path / "winner")
    (task,) = set(found.frame()["task"])
    place = found.export("nearest_mean", task.rpartition("/")[2], to=tmp_path / "winner", seed=1)
    (broken := tmp_path / "broken.png").write_text("no image")
    winner = bench.load_winner(place)
    answers = winner.predict([photos / "class_1", broken])
    assert list(answers.columns) == ["image", "class", "probability", "error", "class_0", "class_1", "class_2"]
    whole = answers[answers["error"].isna()]
    assert len(whole) == 12 and (whole["class"] == "class_1").mean() > 0.5
    assert whole[["class_0", "class_1", "class_2"]].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    assert "is not an image" in answers["error"].iloc[-1]
    assert len(winner.predict(photos)) == 36
    with pytest.raises(UserError, match="there is no image"):
        winner.predict(tmp_path / "nowhere.png")


def test_several_backbones_and_a_task_as_an_object(tmp_path: Path) -> None:
    weights = {name: value.contiguous() for name, value in timm.create_model("test_vit").state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    backbones = ["demo", BackboneSpec("test_vit", tmp_path / "weights.safetensors", image_size=32)]
    task = TASKS.select(["demo/cells"])["demo/cells"]
    found = bench.compare("linear_probe", task, backbones, results=tmp_path / "results", track=False)
    assert found.outcome is not None and found.outcome.complete and found.outcome.asked == 2
    assert set(found.frame()["backbone"]) == {"demo", "test_vit"}
    assert len(found.table()) == 2


def test_a_budget_that_does_not_do_is_in_the_outcome(tmp_path: Path) -> None:
    found = bench.compare("fine_tune", "demo/cells", budget="1KFLOP", results=tmp_path, track=False)
    outcome = found.outcome
    assert outcome is not None and outcome.over_budget and not outcome.complete
    assert (outcome.asked, outcome.left) == (1, 1) and "demo/cells" in outcome.postponed
    assert found.frame().empty and found.table().empty and found._repr_html_() == repr(found)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"methods": "linear_prob"}, "did you mean 'linear_probe'"),
        ({"tasks": ["demo/digit"]}, "did you mean 'demo/digits'"),
        ({"backbones": "resnet5O"}, "timm has no backbone"),
        ({"tasks": "vtab1k/dtd", "data": "/nonexistent"}, "put dtd"),
        ({"seeds": 0}, "no seed was named"),
        ({"seeds": [0, 1.5]}, "is no whole number, nor several"),
        ({"seeds": "a"}, "is no whole number, nor several"),
        ({"methods": []}, "nothing was asked for"),
        ({"backbones": []}, "nothing was asked for"),
        ({"tasks": 42}, "no task is called '42'"),
        ({"tune": 2, "sampler": "foo"}, "there is no sampler 'foo'; choose tpe or random"),
        ({"tune": 0}, "is no number of trials"),
        ({"budget": "soon"}, "write 90s, 30m or 2h"),
        ({"methods": 3}, "3 is no method; it is a dataclass that inherits"),
        (
            {"methods": make_dataclass("Bare", [])},
            "lacks space, choices, quick, frozen, folds, refusal, passes, fit, restore",
        ),
    ],
)
def test_what_cannot_be_is_a_sentence(asked: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        bench.compare(**{"results": tmp_path, "track": False, **asked})  # type: ignore[arg-type]
    assert says in str(error.value)


@pytest.mark.parametrize(("given", "meant"), [(2, [0, 1]), (np.int64(2), [0, 1]), (np.arange(2), [0, 1]), ((3,), [3])])
def test_seeds_are_a_number_or_several(given: object, meant: list[int]) -> None:
    assert whole_numbers(given) == meant


def test_a_class_defined_again_takes_the_place_of_the_former(tmp_path: Path) -> None:
    def define(value: float) -> type[ProbeMethod]:
        @dataclass(frozen=True)
        class FromNotebook(NearestMean):
            """As a cell of a notebook would define it, time and again."""

            space: ClassVar = {}
            scale: float = value

        return FromNotebook

    for value in (1.0, 3.0):
        found = bench.compare(define(value), "demo/cells", results=tmp_path, track=False)
    assert [one.params["scale"] for one in found.store.results()] == [1.0, 3.0]
    assert list(found.frame()["params.scale"]) == [3.0]  # of two records of one name the newer counts
    assert set(found.frame()["method"]) == {"from_notebook"}
    assert "from_notebook" not in METHODS.select(["core"])

    @dataclass(frozen=True)
    class Lora(NearestMean):
        """A method whose name another has."""

    @dataclass(frozen=True)
    class Heads(NearestMean):
        """A method whose name a family has."""

    for taken in (Lora, Heads):
        with pytest.raises(UserError, match=f"the name '{taken.__name__.lower()}' is taken"):
            bench.compare(taken, "demo/cells", results=tmp_path, track=False)

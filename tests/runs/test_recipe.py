"""Efforts: short recipes, or published ones whose choices are a study over a grid that is recorded and paid for."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench.costs.budget import UNLIMITED, Amount
from bench.records.cells import Cell, CellResult, Tuning
from bench.records.request import GRID
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.runs.plan import Terms, is_cut, plan, split_done, study_name
from bench.runs.recipe import at_effort, choice_of, choices, searched
from bench.runs.runner import run
from bench.spec import BackboneSpec, Found, Method, UserError
from tests import toy

DEMO = BackboneSpec("demo")
SKILLS = (0.5, 0.9, 0.2, 0.7)


def cells(names: list[str], terms: Terms) -> list[Cell]:
    """The plan of registered methods on an embedded task."""
    return plan(METHODS.select(names), TASKS.select(["demo/cells"]), DEMO, [0], Path("nowhere"), terms).cells


def paper(methods: Any) -> list[Cell]:
    """The plan of pretended methods at effort "paper"."""
    return plan(methods, {"toy/0": toy.task("toy/0")}, DEMO, [0], Path("nowhere"), Terms(effort="paper")).cells


def chooser(clock: toy.Clock, steps: int = 8, values: tuple[float, ...] = SKILLS, **short: Any) -> type[Any]:
    """A trained method whose recipe chooses its skill."""

    @dataclass(frozen=True)
    class Chooser(toy.method(clock, steps)):  # type: ignore[misc]
        choices: ClassVar[Any] = {"skill": values}
        quick: ClassVar[Any] = short

    return Chooser


def go(folder: Path, clock: toy.Clock, asked: list[Cell], limit: Amount = UNLIMITED) -> list[CellResult]:
    """One run over a folder; the lines that it added."""
    session = toy.session(folder, clock, limit)
    todo, _ = split_done(asked, session.store.latest(), force=False)
    return run(todo, session)


def of(stage: str, lines: list[CellResult]) -> list[CellResult]:
    return [line for line in lines if line.stage == stage]


def test_a_task_has_an_effort_of_its_own_which_a_run_may_override() -> None:
    assert {one.effort for one in cells(["fine_tune"], Terms())} == {"quick"}
    assert {one.effort for one in cells(["fine_tune"], Terms(effort="paper"))} == {"paper"}
    asked = {"m": toy.method(toy.Clock())}, {"toy/0": replace(toy.task("toy/0"), effort="paper")}, DEMO, [0], Path()
    assert [one.effort for one in plan(*asked).cells] == ["paper"]
    assert [one.effort for one in plan(*asked, Terms(effort="quick")).cells] == ["quick"]
    assert TASKS.select(["vtab1k/eurosat"]).popitem()[1].effort == "paper"


def test_the_short_recipe_leaves_what_the_label_sets() -> None:
    make: Any = METHODS.select(["fine_tune"])["fine_tune"]
    short = at_effort(make(), "quick", ())
    assert {name: getattr(short, name) for name in make.quick} == dict(make.quick)
    longer: Any = at_effort(make(epochs=60), "quick", {"epochs"})
    assert (longer.epochs, longer.batch) == (60, make.quick["batch"])
    assert at_effort(make(), "paper", ()) == make()


@pytest.mark.parametrize("what", ["quick", "choices", "space"])
def test_a_recipe_with_a_name_that_is_no_hyper_parameter_is_a_sentence(what: str) -> None:
    made = toy.method(toy.Clock())
    setattr(made, what, {"skil": (1.0, 2.0)})
    with pytest.raises(UserError, match=r"of m has \['skil'\]"):
        toy.cells({"m": made})


@pytest.mark.parametrize("name", [name for name, _ in METHODS.items()])
def test_every_trained_method_chooses_among_as_many_values_and_probes_in_their_fit(name: str) -> None:
    method = METHODS.select([name])[name]()
    assert choice_of(method, "paper", (), 3) == (None if method.frozen else Tuning(4, GRID, 3))
    assert choice_of(method, "quick", (), 3) is choice_of(method, "paper", method.choices, 3) is None
    for values in choices(method, ()).values():
        assert len(set(map(str, values))) == len(values)


def test_the_recipes_own_value_comes_first() -> None:
    made = chooser(toy.Clock())
    assert choices(made(0.2), ()) == {"skill": [0.2, 0.5, 0.9, 0.7]}
    assert choices(made(0.4), ()) == {"skill": [0.4, *SKILLS]}
    none: Method = dataclasses.replace(METHODS.select(["fine_tune"])["fine_tune"](), lr=None)  # type: ignore[type-var]
    assert choices(none, ())["lr"] == list(none.choices["lr"])


def test_a_grid_is_searched_recorded_and_paid_for(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = paper({"m": chooser(clock)})
    (cell,) = asked
    assert cell.tuning == Tuning(4, GRID, 0) and set(searched(cell)) == {"skill"}
    lines = go(tmp_path, clock, [cell, replace(cell, key="another", seed=1)])
    trials, finals = of("trial", lines), of("final", lines)
    assert [trial.params["skill"] for trial in trials] == list(SKILLS)
    assert [trial.trial is not None and trial.trial.number for trial in trials] == [0, 1, 2, 3]
    assert not of("replay", lines) and not list((tmp_path / "deltas").glob("trials/*"))
    for final in finals:  # seeds share the study
        assert final.params == {"skill": 0.9} and final.effort == "paper"
        assert final.tuning is not None and (final.tuning.sampler, final.tuning.asked) == (GRID, 4)
        assert final.tuning.study == study_name(cell) and final.tuning.chosen == 1
        assert final.cost.tune_flops == sum(trial.cost.train_flops or 0 for trial in trials) > 0
    assert go(tmp_path, clock, asked) == []


def test_a_grid_of_several_hyper_parameters_has_all_their_combinations(tmp_path: Path) -> None:
    clock = toy.Clock()

    @dataclass(frozen=True)
    class Two(chooser(clock, 1)):  # type: ignore[misc]
        choices: ClassVar[Any] = {"skill": (0.5, 0.9), "kind": ("a", "b", "c")}
        kind: str = "b"

    lines = go(tmp_path, clock, paper({"m": Two}))
    found = [(line.params["skill"], line.params["kind"]) for line in of("trial", lines)]
    assert found == [(skill, kind) for skill in (0.5, 0.9) for kind in ("b", "a", "c")]
    fixed = paper({"m:kind=c": lambda: Two(kind="c")})
    assert fixed[0].tuning is not None and fixed[0].tuning.trials == 2


def test_a_grid_that_the_budget_cut_goes_on(tmp_path: Path) -> None:
    clock = toy.Clock()
    asked = paper({"m": chooser(clock)})
    first = go(tmp_path, clock, asked, Amount(26.0, UNLIMITED.flops))
    assert 0 < len(of("trial", first)) < 4 and all(is_cut(one) for one in of("final", first))
    go(tmp_path, clock, asked)
    whole = Store(tmp_path).results()
    finished = [one.params["skill"] for one in of("trial", whole) if one.trial and one.trial.over]
    assert finished == list(SKILLS)
    assert not is_cut(of("final", whole)[-1]) and of("final", whole)[-1].params == {"skill": 0.9}


def test_a_trial_of_a_grid_that_falls_behind_two_others_is_given_up(tmp_path: Path) -> None:
    clock = toy.Clock()
    lines = go(tmp_path, clock, paper({"m": chooser(clock)}))
    third = of("trial", lines)[2]
    assert third.status == "skipped" and "given up after 25 %" in str(third.reason)
    assert [line.status for line in of("trial", lines)] == ["done", "done", "skipped", "done"]


def test_asked_for_a_search_the_methods_space_is_searched_from_the_efforts_values(tmp_path: Path) -> None:
    clock = toy.Clock()
    made = chooser(clock, skill=0.25)
    for effort, begins in (("quick", 0.25), ("paper", 0.5)):
        (cell,) = plan(
            {"m": made}, {"toy/0": toy.task("toy/0")}, DEMO, [0], Path(), Terms(Tuning(2, "tpe", 0), effort)
        ).cells
        lines = go(tmp_path / effort, clock, [cell])
        assert of("trial", lines)[0].params["skill"] == begins
        assert of("trial", lines)[1].params["skill"] not in SKILLS
        assert {line.effort for line in lines} == {effort}


def test_efforts_and_augmentations_have_keys_of_their_own() -> None:
    terms = [Terms(), Terms(effort="quick"), Terms(effort="paper"), Terms(augment="none"), Terms(augment="light")]
    keys = [[one.key for one in cells(["linear_probe", "lora"], each)] for each in terms]
    assert keys[0] == keys[1] and len({key for pair in keys[1:] for key in pair}) == 8


def test_the_estimate_counts_the_trials_of_a_grid(tmp_path: Path) -> None:
    estimate = toy.session(tmp_path, toy.Clock(), UNLIMITED).estimate
    (quick,), (paper,) = (
        plan({"m": chooser(toy.Clock())}, {"toy/0": toy.task("toy/0")}, DEMO, [0], Path(), Terms(effort=effort)).cells
        for effort in ("quick", "paper")
    )
    trial = estimate(replace(paper, stage="trial"))
    assert estimate.tuned(quick) == estimate(quick)
    assert estimate.tuned(paper).seconds == pytest.approx((estimate(paper) + trial * 4).seconds)


@pytest.mark.parametrize(
    ("how", "allowed"), [("auto", {"flip"}), ("none", set()), ("flip", {"flip"}), ("light", {"flip", "shift"})]
)
def test_an_augmentation_overrides_what_a_task_allows(how: str, allowed: set[str], tmp_path: Path) -> None:
    clock, seen = toy.Clock(), list[Any]()

    @dataclass(frozen=True)
    class Watching(toy.method(clock)):  # type: ignore[misc]
        def fit(self, backbone: Any, train: Any, meter: Any) -> Any:
            seen.append((train.augment, train.fitted().augment))
            return super().fit(backbone, train, meter)

    def find(folder: Path) -> Found:
        data = toy.task("t").find(folder).load()
        return Found("toy", "t", lambda: replace(data, train=replace(data.train, augment=frozenset({"flip"}))), 20, 12)

    task = replace(toy.task("t"), find=find)
    (cell,) = plan({"m": Watching}, {"t": task}, DEMO, [0], Path(), Terms(augment=how)).cells
    (line,) = go(tmp_path, clock, [cell])
    assert seen == [(allowed, allowed)] and line.augment == how

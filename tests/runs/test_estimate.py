"""What a cell is expected to cost: by the backbone's own speed at first, then by what cells of its method cost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from bench.backbone.network import load
from bench.costs.budget import UNLIMITED, Amount
from bench.records.cells import Cell, CellResult, Cost, Environment, Expectation, NetworkFacts, Tuning
from bench.registry import METHODS, TASKS
from bench.runs.environment import describe_device
from bench.runs.estimate import Estimator
from bench.runs.plan import Terms, plan
from bench.runs.runner import run
from bench.spec import BackboneSpec
from tests import toy
from tests.synthetic import result

HERE = describe_device("cpu")


class Halting(nn.Module):
    """A network whose passes take the given seconds, one after the other; the last ones all the same."""

    def __init__(self, *seconds: float) -> None:
        super().__init__()
        self.seconds = list(seconds)
        self.passes = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        time.sleep(self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0])
        return images


def measured(network: nn.Module) -> Amount:
    """What an estimator measures of one image's forward pass."""
    backbone: Any = toy.Toy()
    backbone.module = network
    return Estimator(backbone, []).forward


def knowing(*records: CellResult) -> Estimator:
    """An estimator with these records, on a backbone whose forward pass takes a second and a FLOP an image."""
    backbone: Any = toy.Toy()
    made = Estimator(backbone, records)
    made.__dict__["forward"] = Amount(1.0, 1.0)
    return made


def record(method: str, seconds: float, expected: float = 100.0, **changes: Any) -> CellResult:
    """A cell that took these seconds, and a FLOP for each; it was expected to take 32 passes."""
    about: dict[str, Any] = {
        "cost": Cost(spent_seconds=seconds, spent_flops=int(seconds)),
        "network": NetworkFacts(**toy.Toy().describe()),
        "environment": Environment(device=HERE),
        "expectation": Expectation(expected, expected, 32.0),  # 20 images to train on, 12 to test on
    }
    return result(method, **{**about, **changes})


def cell(method: str = "a", stage: Any = "final") -> Cell:
    """A cell of a method that takes a pass for each training image."""
    (made,) = toy.cells({method: toy.method(toy.Clock())})
    return replace(made, stage=stage)


def test_passes_that_other_work_held_up_do_not_count() -> None:
    assert measured(Halting(0.3, 0.2, 0.2, 0.005)).seconds < 0.1 / 32


def test_a_slow_forward_pass_is_timed_once() -> None:
    slow = Halting(0.0, 1.1)
    assert measured(slow).seconds >= 1.1 / 32
    assert slow.passes == 2  # one to warm up


def test_the_flops_of_a_pass_are_those_of_the_network() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 10, bias=False))
    assert measured(network).flops == 2 * 192 * 10


def test_what_a_method_cost_is_what_it_is_expected_to_cost() -> None:
    expect = knowing(record("a", 64.0))
    assert expect(cell()).seconds == pytest.approx(64.0) and expect(cell()).flops == pytest.approx(64.0)


def test_a_method_that_cost_twice_as_much_is_expected_to_cost_twice_as_much() -> None:
    expect = knowing(record("a", 50.0), record("b", 100.0))
    assert expect(cell("b")).seconds == pytest.approx(2 * expect(cell("a")).seconds)


def test_one_cell_that_other_work_held_up_changes_nothing() -> None:
    held_up = knowing(record("a", 50.0), record("a", 5000.0), record("a", 50.0))
    assert held_up(cell()).seconds == pytest.approx(knowing(record("a", 50.0))(cell()).seconds)


def test_what_cells_cost_long_ago_is_forgotten() -> None:
    expect = knowing(*[record("a", 900.0)] * 40, *[record("a", 30.0)] * 15)
    assert expect(cell()).seconds == pytest.approx(30.0)


@pytest.mark.parametrize(
    "other",
    [
        {"network": NetworkFacts(name="another")},
        {"environment": Environment(device="another")},
        {"expectation": None},
        {"method": "another"},
    ],
)
def test_cells_of_another_backbone_device_or_method_say_nothing(other: dict[str, Any]) -> None:
    assert knowing(replace(record("a", 9000.0), **other))(cell()) == knowing()(cell())


def test_other_weights_of_the_same_network_cost_the_same() -> None:
    moved = NetworkFacts(**toy.Toy().describe(), digest="another", checkpoint="/elsewhere")
    assert knowing(record("a", 64.0, network=moved))(cell()).seconds == pytest.approx(64.0)


def test_a_cell_that_was_cut_off_would_have_cost_more_than_it_had_spent() -> None:
    cut = record("a", 300.0, expected=100.0, status="failed", reason="cut off")
    assert knowing(cut)(cell()).seconds > 300.0


def test_a_cell_that_was_cut_off_before_it_counted_flops_is_not_expected_to_take_none() -> None:
    cut = record("a", 300.0, expected=100.0, status="failed", reason="cut off")
    assert knowing(replace(cut, cost=replace(cut.cost, spent_flops=0)))(cell()).flops > 0


def test_a_cell_that_failed_early_says_nothing() -> None:
    early = record("a", 3.0, expected=100.0, status="failed", reason="no memory")
    assert knowing(early)(cell()) == knowing()(cell())


def test_an_unknown_method_is_expected_to_cost_more_than_its_bare_passes() -> None:
    bare = 20 + 12  # a pass for each training image and each test image, a second each
    assert bare < knowing()(cell()).seconds < 2 * bare


def test_an_unknown_method_is_expected_by_its_passes() -> None:
    grown = {epochs: toy.growing(toy.Clock())(epochs) for epochs in (1, 2, 4)}
    (growing,) = toy.cells({"growing": toy.growing(toy.Clock())})
    one, two, four = (knowing()(replace(growing, method=made)).seconds for made in grown.values())
    assert one < two < four and four - two == pytest.approx(2 * (two - one))


def test_a_trial_is_expected_to_cost_less_than_the_final_cell() -> None:
    for expect in (knowing(), knowing(record("a", 50.0))):
        assert expect(cell(stage="trial")).seconds < expect(cell()).seconds


def test_the_first_final_cell_is_expected_by_its_trials_and_the_test_images() -> None:
    cheap, dear = (knowing(record("a", seconds, stage="trial"))(cell()).seconds for seconds in (100.0, 200.0))
    tested = 12.0  # the test images, by the backbone's own pass
    assert dear - tested == pytest.approx(2 * (cheap - tested)) and cheap > tested


def parted(fit: float, evaluation: float) -> CellResult:
    """A cell of 20 passes in its fit and 12 images in its evaluation, which took these seconds."""
    spent = fit + evaluation
    cost = Cost(
        spent_seconds=spent, spent_flops=int(spent), spent_eval_seconds=evaluation, spent_eval_flops=int(evaluation)
    )
    return record("a", spent, cost=cost, expectation=Expectation(100.0, 100.0, 32.0, 12.0))


@pytest.mark.parametrize(("fit", "evaluation"), [(1000.0, 1.2), (2.0, 1200.0)])
@pytest.mark.parametrize(("train", "test"), [(20, 12), (20, 100_000), (1_000, 12)])
def test_a_fit_and_an_evaluation_have_rates_of_their_own(fit: float, evaluation: float, train: int, test: int) -> None:
    made = cell()
    asked = replace(made, found=replace(made.found, train_images=train, test_images=test))
    expected = knowing(parted(fit, evaluation))(asked)
    right = fit * train / 20 + evaluation * test / 12
    assert expected.seconds == pytest.approx(right)
    assert expected.flops == pytest.approx(right, rel=0.2)  # whole numbers in the record


def test_what_was_fitted_and_not_evaluated_tells_of_fits_alone() -> None:
    expect = knowing()
    before = expect.evaluation(cell())
    waiting = record("a", 400.0, status="failed", reason="not evaluated", expectation=Expectation(1.0, 1.0, 32.0, 12.0))
    expect.learn_fit(waiting)
    assert expect.fit(cell()).seconds == pytest.approx(400.0)
    assert expect.evaluation(cell()) == before


def test_records_that_do_not_part_fit_from_evaluation_stay_useful() -> None:
    expect = knowing(*[record("a", 64.0)] * 3)
    assert expect.fit(cell()).seconds == pytest.approx(40.0)
    assert expect.evaluation(cell()).seconds == pytest.approx(24.0)


def tuned(name: str, trials: int) -> float:
    """Seconds that a final cell with so many trials is expected to take, without any records."""
    methods = METHODS.select([name])
    terms = Terms(Tuning(trials, "tpe", 0), "quick")
    (planned,) = plan(methods, {"toy/0": toy.task("toy/0")}, BackboneSpec("demo"), [0], Path(), terms).cells
    return knowing().tuned(planned).seconds


def test_tuning_costs_as_much_a_trial_however_many_there_are() -> None:
    few, some, many = (tuned("fine_tune:epochs=15", trials) for trials in (5, 10, 15))
    assert some - few == pytest.approx(many - some) and some > few


def test_a_search_is_expected_to_draw_from_its_whole_space() -> None:
    """fine_tune searches 15, 30, 60 and 100 epochs, 51.25 in the mean. A number in its name is not searched."""
    searched, fixed = (tuned(name, 10) - tuned(name, 5) for name in ("fine_tune", "fine_tune:epochs=15"))
    assert searched == pytest.approx(fixed * 51.25 / 15)


def test_an_estimator_learns_from_the_cells_of_its_session(tmp_path: Path) -> None:
    clock = toy.Clock()
    first, second = toy.cells({"a": toy.method(clock, steps=3, seconds=7.0)}, tasks=2)
    session = toy.session(tmp_path, clock, UNLIMITED)
    assert session.estimate(second).seconds < 1.0
    with session.store.lock():
        run([first], session)
    assert session.estimate(second).seconds == pytest.approx(21.0, rel=1e-3)


def test_a_run_learns_both_rates(tmp_path: Path) -> None:
    """A dear fit and an evaluation for nothing, then the same method on a task with many more test images."""
    clock = toy.Clock()
    first, second = toy.cells({"a": toy.method(clock, steps=3, seconds=7.0)}, tasks=2)
    session = toy.session(tmp_path, clock, UNLIMITED)
    with session.store.lock():
        run([first], session)
    (done,) = session.results
    assert (done.cost.spent_eval_seconds, done.cost.spent_seconds) == (0.0, pytest.approx(21.0))
    many = replace(second, found=replace(second.found, test_images=100_000))
    assert session.estimate(many).seconds == pytest.approx(21.0)
    again = toy.session(tmp_path, clock, UNLIMITED)  # another process reads the records
    assert again.estimate(many).seconds == pytest.approx(21.0)


def on_the_embedded_backbone(names: Sequence[str]) -> list[Amount]:
    """What cells on demo/digits are expected to cost, by the backbone's speed alone."""
    cells = plan(METHODS.select(names), TASKS.select(["demo/digits"]), BackboneSpec("demo"), [0], Path()).cells
    expect = Estimator(load(BackboneSpec("demo"), torch.device("cpu")), [])
    found = {one.label.text: expect(one) for one in cells}
    return [found[name] for name in names]


def test_training_a_whole_network_is_expected_to_cost_more_than_a_probe() -> None:
    probe, trained, longer = on_the_embedded_backbone(["linear_probe", "fine_tune", "fine_tune:epochs=60"])
    assert 0 < probe.seconds < trained.seconds / 3 < longer.seconds / 9
    assert probe.flops < trained.flops / 3 < longer.flops / 9

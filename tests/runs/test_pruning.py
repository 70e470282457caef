"""Pruning: a trial is compared with earlier trials of its own length alone, in real studies."""

from __future__ import annotations

import optuna
import pytest

from bench.runs.pruning import CHOSEN, SEARCHED, Compared, Pruned, pruner, reporter


def trained(study: optuna.Study, epochs: int, accuracy: float) -> int | None:
    """Runs a trial of so many epochs that looks ten times or so; the epochs after which it was given up, if it was."""
    trial = study.ask()
    give_up = reporter(trial, set())
    for done in range(1, epochs):
        if done % max(1, epochs // 10) == 0:
            try:
                give_up(done, epochs, accuracy)
            except Pruned:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                return done
    study.tell(trial, accuracy)
    return None


def study_of(compared: Compared) -> optuna.Study:
    return optuna.create_study(direction="maximize", pruner=pruner(compared))


@pytest.mark.parametrize(("compared", "earlier"), [(SEARCHED, 4), (CHOSEN, 2)])
def test_a_trial_is_given_up_once_enough_earlier_ones_are_better(compared: Compared, earlier: int) -> None:
    study = study_of(compared)
    for _ in range(earlier - 1):
        trained(study, 20, 0.8)
    assert trained(study, 20, 0.1) is None  # too few to be compared with
    study = study_of(compared)
    for _ in range(earlier):
        assert trained(study, 20, 0.8) is None
    assert trained(study, 20, 0.1) == 6  # the first look after a quarter
    assert trained(study, 20, 0.8) is None


@pytest.mark.parametrize("compared", [SEARCHED, CHOSEN])
@pytest.mark.parametrize(("long", "short"), [(100, 15), (15, 100), (30, 60)])
def test_trials_of_other_lengths_are_never_compared(compared: Compared, long: int, short: int) -> None:
    study = study_of(compared)
    for _ in range(10):
        assert trained(study, long, 0.9) is None
    assert trained(study, short, 0.1) is None
    assert trained(study, long, 0.1) is not None


@pytest.mark.parametrize("compared", [SEARCHED, CHOSEN])
def test_a_trial_is_never_given_up_in_the_first_quarter(compared: Compared) -> None:
    study = study_of(compared)
    for _ in range(6):
        trained(study, 100, 0.9)
    assert trained(study, 100, 0.0) == 30


@pytest.mark.parametrize(("compared", "goes_on"), [(SEARCHED, False), (CHOSEN, True)])
def test_a_recipes_own_choice_goes_on_unless_it_is_worse_than_each_earlier_one(
    compared: Compared, goes_on: bool
) -> None:
    study = study_of(compared)
    for accuracy in (0.6, 0.7, 0.8, 0.9):
        assert trained(study, 20, accuracy) is None
    assert (trained(study, 20, 0.65) is None) == goes_on
    assert trained(study, 20, 0.55) == 6


def test_what_was_reported_before_an_interruption_is_not_reported_twice() -> None:
    study = study_of(CHOSEN)
    trial = study.ask()
    reporter(trial, set())(5, 10, 0.5)
    (step,) = study.trials[0].intermediate_values
    reporter(trial, {step})(5, 10, 0.9)
    reporter(trial, {step})(10, 20, 0.7)
    assert list(study.trials[0].intermediate_values.values()) == [0.5, 0.7]

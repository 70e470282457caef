"""One Optuna study: it is stored, resumed and shared, and proposes the same trials for the same seed."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import socket
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from bench.records.cells import PROTOCOL, Tuning
from bench.records.request import GRID
from bench.runs.pruning import SEARCHED, Compared, pruner
from bench.runs.recipe import grid
from bench.spec import UserError

COST, OWNER, SURPLUS = "head2head.cost", "head2head.owner", "head2head.surplus"
PATIENCE = 60.0  # seconds at least, before another process's trial is taken for dead
TRIES = 10  # to open a database whose tables others are creating
optuna.logging.set_verbosity(logging.ERROR)


class Defaults(BaseSampler):
    """Proposes given hyper-parameters: the method's own in the first trial of a search, or a point of a grid."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Nothing is drawn together."""
        return {}

    def sample_relative(self, study: optuna.Study, trial: FrozenTrial, search_space: Any) -> dict[str, Any]:
        """Nothing is drawn together."""
        return {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The given value."""
        return self.values[param_name]


class Search:
    """The study of one method on one task. Optuna stores its trials; this class decides their order and number."""

    def __init__(
        self, storage: BaseStorage, name: str, space: Mapping[str, BaseDistribution], defaults: Mapping[str, Any],
        compared: Compared = SEARCHED,
    ) -> None:  # fmt: skip
        """`compared` says which trials are pruned."""
        self.space = dict(space)
        # Where a default is no value of the space (None, say: decided by the method), the first trial leaves it.
        self.defaults = {key: defaults[key] for key, values in space.items() if is_in(values, defaults[key])}
        self.name = name
        self.study = optuna.create_study(
            storage=storage, study_name=name, direction="maximize", pruner=pruner(compared), load_if_exists=True
        )
        self._check_protocol()

    def _check_protocol(self) -> None:
        key = "head2head.protocol"
        known = self.study.user_attrs.get(key)
        if known is None:
            self.study.set_user_attr(key, PROTOCOL)
        elif known != PROTOCOL:
            raise UserError(
                f"the study {self.name!r} was made under protocol {known}, this is {PROTOCOL}; "
                "name another --storage or --results"
            )

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The trials in one of these states, by number, without surplus ones."""
        found = self.study.get_trials(deepcopy=False, states=states or None)
        return [trial for trial in found if not trial.user_attrs.get(SURPLUS)]

    def left(self, owner: str, most: int) -> bool:
        """Whether there is a trial for this owner to run."""
        return len(self._begun()) < most or bool(self._unfinished(owner, set()))

    def propose(self, owner: str, tuning: Tuning, most: int, taken: set[int]) -> Trial | None:
        """The next trial for this owner: one that it left unfinished, else a new one. None when all were given out.

        `taken` are the numbers of trials that were proposed already and wait to be run.
        """
        for unfinished in self._unfinished(owner, taken):
            return self._filled(Trial(self.study, unfinished._trial_id), tuning)
        if len(self._begun()) >= most:
            return None
        if not self.trials(TrialState.WAITING):  # else a kill came here before
            self.study.enqueue_trial({}, user_attrs={OWNER: owner})  # so that a kill leaves no trial without an owner
        trial = self.study.ask()
        if trial.number >= most:  # another process was faster
            trial.set_user_attr(SURPLUS, True)
            self.study.tell(trial, state=TrialState.FAIL)
            return None
        if trial.user_attrs.get(OWNER) != owner:  # it took what another process had enqueued
            trial.set_user_attr(OWNER, owner)
        return self._filled(trial, tuning)

    def _begun(self) -> list[FrozenTrial]:
        return [one for one in self.trials() if one.state != TrialState.WAITING]

    def _unfinished(self, owner: str, taken: set[int]) -> list[FrozenTrial]:
        running = self.trials(TrialState.RUNNING)
        return [one for one in running if one.user_attrs.get(OWNER) == owner and one.number not in taken]

    def _filled(self, trial: Trial, tuning: Tuning) -> Trial:
        """Draws a trial's hyper-parameters. Each trial has its own seed, so that a resumed search draws the same."""
        if tuning.sampler == GRID:
            self.study.sampler = Defaults(grid(self.space)[trial.number])
        elif trial.number == 0:
            self.study.sampler = Defaults(self.defaults)
        else:
            seed = int.from_bytes(hashlib.sha256(f"{tuning.seed} {trial.number}".encode()).digest()[:4], "big")
            self.study.sampler = TPESampler(seed=seed) if tuning.sampler == "tpe" else RandomSampler(seed=seed)
        for name, values in self.space.items():
            if trial.number or name in self.defaults or tuning.sampler == GRID:
                suggest(trial, name, values)
        return trial

    def tell(self, number: int, accuracy: float | None, cost: Mapping[str, float], state: TrialState) -> None:
        """Ends a trial. `cost` has its attributed FLOPs and seconds, without the shared pass."""
        trial = next(one for one in self.study.get_trials(deepcopy=False) if one.number == number)
        if trial.state.is_finished():  # it took so long that another process took it for dead
            return
        Trial(self.study, trial._trial_id).set_user_attr(COST, dict(cost))
        self.study.tell(number, accuracy if state == TrialState.COMPLETE else None, state=state)

    def reported(self, number: int) -> set[int]:
        """The steps of its training at which a trial has reported its accuracy."""
        return {step for one in self.trials() if one.number == number for step in one.intermediate_values}

    def await_others(self, owner: str, expected: Callable[[Mapping[str, Any]], float]) -> None:
        """Waits for the trials of other processes. A trial that takes far too long counts as dead.

        `expected` gives the seconds that a trial of some hyper-parameters should take on this machine.
        """
        while others := [one for one in self.trials(TrialState.RUNNING) if one.user_attrs.get(OWNER) != owner]:
            longest = max((one.duration.total_seconds() for one in self.trials() if one.duration), default=0.0)
            for one in others:
                since = time.time() - one.datetime_start.timestamp() if one.datetime_start else math.inf
                if since > max(PATIENCE, 5 * longest, 5 * expected(one.params)):
                    self.study.tell(one.number, state=TrialState.FAIL, skip_if_finished=True)
            time.sleep(0.3)

    def best(self) -> FrozenTrial | None:
        """The finished trial with the highest accuracy; of equal ones the earliest."""
        finished = self.trials(TrialState.COMPLETE)
        return max(finished, key=lambda one: (one.value or 0.0, -one.number), default=None)

    def leaders(self) -> list[FrozenTrial]:
        """The trials that were the best so far when they came, by number."""
        found: list[FrozenTrial] = []
        for trial in self.trials(TrialState.COMPLETE):
            if not found or (trial.value or 0.0) > (found[-1].value or 0.0):
                found.append(trial)
        return found

    def cost(self) -> dict[str, float]:
        """The attributed `flops` and `seconds` of all trials together, wherever they ran."""
        costs = [one.user_attrs[COST] for one in self.trials() if COST in one.user_attrs]
        return {key: sum(cost[key] for cost in costs) for key in ("flops", "seconds")}


def is_in(values: BaseDistribution, value: Any) -> bool:
    """Whether a distribution can draw this value."""
    try:
        return bool(values._contains(values.to_internal_repr(value)))
    except (ValueError, TypeError):
        return False


def suggest(trial: Trial, name: str, values: BaseDistribution) -> Any:
    """Draws one hyper-parameter, or takes the value that the trial has already.

    Such a value is drawn once more and thrown away, so that those after it are drawn as without a kill in between.
    """
    if name in trial.params and not values.single() and name not in trial.relative_params:
        study = trial.study
        study.sampler.sample_independent(study, study._storage.get_trial(trial._trial_id), name, values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a tuple among categorical choices is kept as a list, which we do not mind
        if isinstance(values, CategoricalDistribution):
            return trial.suggest_categorical(name, list(values.choices))
        if isinstance(values, FloatDistribution):
            return trial.suggest_float(name, values.low, values.high, step=values.step, log=values.log)
        assert isinstance(values, IntDistribution)
        return trial.suggest_int(name, values.low, values.high, step=values.step, log=values.log)


def owner_of(folder: Path) -> str:
    """Identifies this results folder among those of all processes. Only one process holds it at a time."""
    place = json.dumps([socket.gethostname(), str(folder.resolve())])
    return hashlib.sha256(place.encode()).hexdigest()[:16]

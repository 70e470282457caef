"""The tuner: a search proposes hyper-parameters, trials on the training images answer, and the best is chosen.

Trials never see a test image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from typing import Any

from optuna.trial import FrozenTrial
from optuna.trial import Trial as Proposal

from bench.adapt.bases import PathMethod
from bench.costs.budget import Amount, BudgetSpent, largest, smallest
from bench.records.cells import Cell, TrialFacts, TuningFacts
from bench.records.request import GRID
from bench.runs.choice import Choice, Leader
from bench.runs.plan import params, study_name
from bench.runs.pruning import CHOSEN, SEARCHED
from bench.runs.recipe import searched
from bench.runs.study import Search
from bench.runs.task_run import TaskRun
from bench.runs.trial import Trial
from bench.runs.trials import STATES, Trials
from bench.spec import Split, UserError

MANY = 1000  # trials at most where the budget alone sets an end
TOGETHER = 50  # trials along a path that are fitted in one go, and lost together when the budget ends it
SPARE = 1.1  # times what final cells are expected to cost is reserved: a trial is cut off a step too late


class Tuner:
    """The search for the hyper-parameters of one final cell."""

    def __init__(self, cell: Cell, run: TaskRun) -> None:
        """Raises UserError where Optuna's storage cannot be reached, or an oracle has no shifted test set."""
        assert cell.tuning is not None
        session, self.run, self.tuning = run.session, run, cell.tuning
        self.cell = replace(cell, seed=cell.tuning.seed)  # seeds of a comparison share what was found
        self.most = MANY if cell.tuning.trials is None else cell.tuning.trials
        self.own = cell.tuning.sampler == GRID  # whether it is the recipe's own choice
        space, compared = searched(cell), CHOSEN if self.own else SEARCHED
        name = study_name(self.cell)
        self.search = Search(session.studies(name), name, space, params(cell.method), compared)
        self.owner = session.owner
        oracle = shifted(cell, run) if cell.tuning.oracle else ()
        place = Trial(session.backbone, run.data.train, session.budget, cell.tuning.seed, oracle)
        self.trials = Trials(self.cell, session, self.search, place)
        self.together = isinstance(cell.method, PathMethod) and set(space) == {cell.method.path}

    def choose(self, share: Amount) -> Choice:
        """Runs trials while there are any left and they fit into `share` of the budget, then takes the best."""
        budget, cut = self.run.session.budget, True  # unless the loop ends by itself
        with budget.share(share), suppress(BudgetSpent):
            while self.search.left(self.owner, self.most) and self.needed([{}]).fits(self.room([{}])):
                proposals = self.proposals()
                chosen = [one.params for one in proposals]
                room = self.room(chosen)
                if not self.needed(chosen).fits(room):
                    break
                with budget.share(room):
                    self.trials.run(proposals)
            cut = self.search.left(self.owner, self.most)
        if not cut:
            with budget.paused():
                self.search.await_others(self.owner, lambda one: self.needed([one]).seconds)
        return self.choice(cut and self.tuning.trials is not None)

    def needed(self, chosen: Sequence[Mapping[str, Any]]) -> Amount:
        """What trials are expected to cost. Those that are fitted together cost no more than the dearest alone."""
        estimate = self.run.session.estimate
        return reduce(largest, (estimate(self.trials.variant(one)) for one in chosen), Amount())

    def room(self, chosen: Sequence[Mapping[str, Any]]) -> Amount:
        """What a trial may spend: what is left of the share, and of the budget without the final cells and some more.

        The final cells may have the hyper-parameters of this trial or those of the best so far: the dearer ones count.
        """
        best, budget = self.search.best(), self.run.session.budget
        might = [*chosen, best.params] if best else chosen
        finals = (self.run.expected(self.cell.label, self.trials.variant(one).method) for one in might)
        reserved = reduce(largest, finals, Amount())
        return smallest(budget.room(), budget.remaining() - reserved * SPARE)

    def proposals(self) -> list[Proposal]:
        """The next trial, or several where they are fitted together; none if other processes have them."""
        found: list[Proposal] = []
        taken: set[int] = set()
        while (one := self.search.propose(self.owner, self.tuning, self.most, taken)) is not None:
            found.append(one)
            taken.add(one.number)
            if not self.together or one.number % TOGETHER == 0:  # by number: a resumed search draws the same
                break
        return found

    def choice(self, cut: bool) -> Choice:
        """The best trial as a method; the method's own hyper-parameters where no trial fitted into the budget.

        Raises UserError when there were trials and all of them failed.
        """
        over, best = self.search.trials(*STATES.values()), self.search.best()
        if over and best is None:
            reason = next((one.reason for one in self.trials.records().values() if one.reason), "see the records")
            raise UserError(f"all {len(over)} trials of {self.cell.label} failed: {reason}")
        tuning, cost = self.tuning, self.search.cost()
        facts = TuningFacts(
            self.search.name, tuning.trials or "auto", len(over), tuning.sampler, tuning.seed, tuning.oracle,
            best.number if best else None, cut,
        )  # fmt: skip
        chosen = self.trials.variant(best.params if best else {}).method
        leaders = () if self.own else tuple(self.leader(one) for one in self.search.leaders())
        value = best.value if best else None
        return Choice(chosen, facts, value, int(cost["flops"]), round(cost["seconds"], 4), leaders)

    def leader(self, trial: FrozenTrial) -> Leader:
        """A trial that led the study for a while."""
        cell = self.trials.variant(trial.params)
        return Leader(cell, TrialFacts(self.search.name, trial.number), tuple(self.trials.files(cell)))


def shifted(cell: Cell, run: TaskRun) -> tuple[Split, ...]:
    """The shifted test sets by which an oracle chooses. Raises UserError where a task has none."""
    found = tuple(split for name, split in run.data.tests.items() if name.startswith("ood/"))
    if not found:
        raise UserError(f"{cell.task.name} has no shifted test set for an oracle; leave --oracle out")
    return found

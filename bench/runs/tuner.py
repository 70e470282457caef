"""Tuning: a search proposes hyper-parameters, trials on the training images answer, the best is handed on.

Trials never see a test image. They are cells of their own: recorded, charged, resumed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from optuna.trial import Trial as Proposal

from bench.costs.budget import Amount, largest, smallest
from bench.records.cells import Cell, CellResult, Cost, Status, TrialFacts, TuningFacts
from bench.runs.delta import write_and_read
from bench.runs.failure import Failure, attempt
from bench.runs.plan import keyed, params, study_name
from bench.runs.session import Session, Work
from bench.runs.study import Search, free, open_storage, owner_of
from bench.runs.trial import Trial, Tried
from bench.spec import BudgetSpent, Data, Method, PathMethod, Pruned, Split, UserError

MANY = 1000  # trials at most where the budget alone sets an end
TOGETHER = 50  # trials along a path that are fitted in one go, and lost together when the budget ends it
SPARE = 1.1  # of what final cells are expected to cost: a trial is cut off a step too late
STATES = {"done": TrialState.COMPLETE, "skipped": TrialState.PRUNED, "failed": TrialState.FAIL}


@dataclass(frozen=True)
class Leader:
    """A trial that was the best of its study for a while: what is wanted to judge it once the study is over."""

    cell: Cell
    trial: TrialFacts
    files: tuple[Path, ...]  # deltas, one a fold


@dataclass(frozen=True)
class Choice:
    """What tuning found: the method to train on all images, and what a record says about how it was chosen."""

    method: Method
    facts: TuningFacts
    accuracy: float | None  # on validation images; None without a finished trial
    flops: int
    seconds: float
    leaders: tuple[Leader, ...]


def tune(
    cell: Cell, data: Data, session: Session, share: Amount, reserve: Callable[[Method], Amount]
) -> Choice | Failure:  # fmt: skip
    """Searches for the hyper-parameters of a final cell, with `share` of the budget.

    `reserve` tells what the final cells are expected to cost, should a method be chosen; it is left untouched. Returns
    a Failure when every trial failed. A search that the budget ended goes on where it stopped in a later run.
    """
    return attempt(lambda: Tuner(cell, data, session, reserve).choose(share))


class Tuner:
    """The search for one cell."""

    def __init__(self, cell: Cell, data: Data, session: Session, reserve: Callable[[Method], Amount]) -> None:
        assert cell.tuning is not None
        self.session, self.tuning, self.reserve = session, cell.tuning, reserve
        self.cell = replace(cell, seed=cell.tuning.seed)  # seeds of a comparison share what was found
        self.most = MANY if cell.tuning.trials is None else cell.tuning.trials
        self.place = Trial(session.backbone, data.train, session.budget, cell.tuning.seed, self.shifted(data))
        space = free(cell.method.space, cell.label.fixed)
        storage = open_storage(session.storage, session.store.folder)
        self.search = Search(storage, study_name(self.cell), space, params(cell.method))
        self.owner = owner_of(session.store.folder)
        earlier = self.records().items()
        self.recorded = {number: result for number, result in earlier if result.trial and result.trial.over}
        self.together = isinstance(cell.method, PathMethod) and set(space) == {cell.method.path}

    def shifted(self, data: Data) -> tuple[Split, ...]:
        """What an oracle judges by; nothing for a search that is fair. Raises UserError where a task has none."""
        if not self.tuning.oracle:
            return ()
        found = tuple(split for name, split in data.tests.items() if name.startswith("ood/"))
        if not found:
            raise UserError(f"{self.cell.task.name} has no shifted test set for an oracle; leave --oracle out")
        return found

    def choose(self, share: Amount) -> Choice:
        """Runs trials while there are any to run and they fit, then takes the best."""
        budget, cut = self.session.budget, True  # unless the loop ends by itself
        with budget.share(share), suppress(BudgetSpent):
            while self.search.left(self.owner, self.most) and self.needed([{}]).fits(self.room([{}])):
                proposals = self.proposals()
                chosen = [one.params for one in proposals]
                room = self.room(chosen)
                if not self.needed(chosen).fits(room):
                    break
                with budget.share(room):
                    self.run(proposals)
            cut = self.search.left(self.owner, self.most)
        if not cut:
            with budget.paused():
                self.search.await_others(self.owner, lambda one: self.needed([one]).seconds)
        return self.choice(cut and self.tuning.trials is not None)

    def needed(self, chosen: Sequence[Mapping[str, Any]]) -> Amount:
        """What a trial is expected to cost; those that are fitted together no more than the dearest alone."""
        return reduce(largest, (self.session.estimate(self.variant(one)) for one in chosen), Amount())

    def room(self, chosen: Sequence[Mapping[str, Any]]) -> Amount:
        """What is left of the share, and of the budget when the final cells get what they are expected to cost and some
        more, be it with one of these or with the best so far."""
        best, budget = self.search.best(), self.session.budget
        might = [*chosen, best.params] if best else chosen
        reserved = reduce(largest, (self.reserve(self.variant(one).method) for one in might), Amount())
        return smallest(budget.room(), budget.remaining() - reserved * SPARE)

    def proposals(self) -> list[Proposal]:
        """The next trial, or several where they are fitted together; none if other processes have them."""
        found: list[Proposal] = []
        taken: set[int] = set()
        while (one := self.search.propose(self.owner, self.tuning, self.most, taken)) is not None:
            found.append(one)
            taken.add(one.number)
            if not self.together or one.number % TOGETHER == 0:  # by number, that a resumed search draws the same
                break
        return found

    def run(self, proposals: list[Proposal]) -> None:
        """Runs trials that are not in the records yet; what the records have is only told. Raises BudgetSpent."""
        new = []
        for one in proposals:
            if one.number in self.recorded:
                self.tell(one.number, self.recorded[one.number])
            else:
                new.append(one)
        for outcome in self.run_together(new) if len(new) > 1 else map(self.run_one, new):
            if isinstance(outcome, Failure) and isinstance(outcome.error, BudgetSpent):
                raise outcome.error

    def run_one(self, proposal: Proposal) -> Tried | Failure:
        work = self.begin(proposal)
        known = self.search.reported(proposal.number)  # before an interruption, and the same again

        def give_up(percent: int, accuracy: float) -> None:
            if percent not in known:
                proposal.report(accuracy, percent)
            if proposal.should_prune():
                raise Pruned(f"given up after {percent} % of its epochs, at a validation accuracy of {accuracy:.3f}")

        outcome = work.attempt(lambda: self.place.run(work.cell.method, work.meter, give_up))
        self.finish(proposal, work, outcome, work.measured())
        return outcome

    def run_together(self, proposals: list[Proposal]) -> list[Tried | Failure]:
        """Trials along a method's path: one solution is the start of the next, and the costs are each one's own."""
        works = [self.begin(proposal) for proposal in proposals]
        variants, meters = [work.cell.method for work in works], [work.meter for work in works]
        fitted = works[0].attempt(lambda: self.place.fit_path(variants, meters))
        outcomes = [
            fitted if isinstance(fitted, Failure) else work.attempt(partial(self.place.tried, fitted[at]))
            for at, work in enumerate(works)
        ]
        charges = self.session.lap().split(len(works))
        for proposal, work, outcome, charge in zip(proposals, works, outcomes, charges, strict=True):
            self.finish(proposal, work, outcome, charge.on(work.measured()))
        return outcomes

    def begin(self, proposal: Proposal) -> Work:
        cell = self.variant(proposal.params)
        return self.session.begin(cell, TrialFacts(self.search.name, proposal.number, default=proposal.number == 0))

    def variant(self, chosen: Mapping[str, Any]) -> Cell:
        """The trial cell with these hyper-parameters."""
        method: Any = self.cell.method
        return keyed(replace(self.cell, method=dataclasses.replace(method, **chosen), stage="trial", tuning=None))

    def finish(self, proposal: Proposal, work: Work, outcome: Tried | Failure, cost: Cost) -> None:
        """Records a trial and tells the study."""
        if isinstance(outcome, Failure) and isinstance(outcome.error, BudgetSpent):
            work.fail(outcome, cost)  # not over: a later run takes it up again
            return
        assert work.trial is not None
        work.trial = replace(work.trial, over=True)
        if isinstance(outcome, Failure):
            status: Status = "skipped" if isinstance(outcome.error, Pruned) else "failed"
            self.tell(proposal.number, work.fail(outcome, cost, status))
            return
        best = self.search.best()
        if best is None or outcome.accuracy > (best.value or 0.0):
            for path, adapted in zip(self.files(work.cell), outcome.adapted, strict=True):
                write_and_read(adapted.stored(), path)
        self.tell(proposal.number, work.done({"val": outcome.accuracy}, cost))

    def tell(self, number: int, record: CellResult) -> None:
        """Tells the study what the records say of a trial."""
        cost = record.cost
        own = {
            "flops": (cost.train_flops or 0) - (cost.shared_flops or 0),
            "seconds": (cost.train_seconds or 0.0) - (cost.shared_seconds or 0.0),
        }
        self.search.tell(number, record.accuracy.get("val"), own, STATES[record.status])

    def files(self, cell: Cell) -> list[Path]:
        """Where the deltas of a trial lie while it may still have to be judged, one a fold."""
        folder = self.session.store.folder / "deltas" / "trials"
        return [folder / f"{cell.key}-{fold}.safetensors" for fold in range(cell.method.folds)]

    def choice(self, cut: bool) -> Choice:
        """The best trial as a method; its own hyper-parameters where no trial fitted into the budget.

        Raises UserError when there were trials and all of them failed.
        """
        over = self.search.trials(*STATES.values())
        best = self.search.best()
        if over and best is None:
            reason = next((one.reason for one in self.records().values() if one.reason), "see the records")
            raise UserError(f"all {len(over)} trials of {self.cell.label} failed: {reason}")
        facts = TuningFacts(
            self.search.name, self.tuning.trials or "auto", len(over), self.tuning.sampler, self.tuning.seed,
            self.tuning.oracle, best.number if best else None, cut,
        )  # fmt: skip
        cost = self.search.cost()
        chosen = self.variant(best.params if best else {}).method
        leaders = tuple(self.leader(one) for one in self.search.leaders())
        value = best.value if best else None
        return Choice(chosen, facts, value, int(cost["flops"]), round(cost["seconds"], 4), leaders)

    def leader(self, trial: FrozenTrial) -> Leader:
        cell = self.variant(trial.params)
        return Leader(cell, TrialFacts(self.search.name, trial.number), tuple(self.files(cell)))

    def records(self) -> Mapping[int, CellResult]:
        """The records of this study's trials, by number."""
        return self.session.store.index().trials(self.search.name)

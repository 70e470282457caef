"""The trials of one study: run, recorded, and told to the search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from optuna.trial import Trial as Proposal
from optuna.trial import TrialState

from bench.costs.budget import BudgetSpent
from bench.records.cells import Cell, CellResult, Cost, Status, TrialFacts
from bench.records.request import GRID
from bench.runs.delta import write_and_read
from bench.runs.failure import Failure
from bench.runs.plan import keyed
from bench.runs.pruning import Pruned, reporter
from bench.runs.session import Session, Work
from bench.runs.study import Search
from bench.runs.trial import Trial, Tried

STATES = {"done": TrialState.COMPLETE, "skipped": TrialState.PRUNED, "failed": TrialState.FAIL}


class Trials:
    """The trials of a final cell's study. Each is a cell of its own: recorded, charged, resumed."""

    def __init__(self, cell: Cell, session: Session, search: Search, place: Trial) -> None:
        self.cell, self.session, self.search, self.place = cell, session, search, place
        self.over = {number: one for number, one in self.records().items() if one.trial and one.trial.over}

    def records(self) -> Mapping[int, CellResult]:
        """The newest record of each trial, by number."""
        return self.session.store.index().trials(self.search.name)

    def variant(self, params: Mapping[str, Any]) -> Cell:
        """The trial cell with these hyper-parameters."""
        method: Any = self.cell.method
        return keyed(replace(self.cell, method=dataclasses.replace(method, **params), stage="trial", tuning=None))

    def files(self, cell: Cell) -> list[Path]:
        """Where the deltas of a trial lie while it may still have to be evaluated, one a fold."""
        folder = self.session.store.folder / "deltas" / "trials"
        return [folder / f"{cell.key}-{fold}.safetensors" for fold in range(cell.method.folds)]

    def run(self, proposals: Sequence[Proposal]) -> None:
        """Runs the trials that have no record yet; the others are only told to the search. Raises BudgetSpent."""
        new = [one for one in proposals if one.number not in self.over]
        for one in proposals:
            if one.number in self.over:
                self._tell(one.number, self.over[one.number])
        for outcome in self._run_together(new) if len(new) > 1 else map(self._run_one, new):
            if isinstance(outcome, Failure) and issubclass(outcome.kind, BudgetSpent):
                raise BudgetSpent(outcome.reason)

    def _run_one(self, proposal: Proposal) -> Tried | Failure:
        work = self._begin(proposal)
        give_up = reporter(proposal, self.search.reported(proposal.number))
        outcome = work.attempt(lambda: self.place.run(work.cell.method, work.meter, give_up))
        self._finish(proposal, work, outcome, work.measured())
        return outcome

    def _run_together(self, proposals: Sequence[Proposal]) -> list[Tried | Failure]:
        """Trials along a method's path: one solution is the start of the next, and each has its own costs."""
        works = [self._begin(proposal) for proposal in proposals]
        variants, meters = [work.cell.method for work in works], [work.meter for work in works]
        fitted = works[0].attempt(lambda: self.place.fit_path(variants, meters))
        outcomes = [
            fitted if isinstance(fitted, Failure) else work.attempt(partial(self.place.tried, fitted[at]))
            for at, work in enumerate(works)
        ]
        charges = self.session.lap().split([1.0] * len(works))
        for proposal, work, outcome, charge in zip(proposals, works, outcomes, charges, strict=True):
            self._finish(proposal, work, outcome, charge.on(work.measured()))
        return outcomes

    def _begin(self, proposal: Proposal) -> Work:
        facts = TrialFacts(self.search.name, proposal.number, default=proposal.number == 0)
        return self.session.begin(self.variant(proposal.params), facts)

    def _finish(self, proposal: Proposal, work: Work, outcome: Tried | Failure, cost: Cost) -> None:
        """Records a trial and tells the search."""
        if isinstance(outcome, Failure) and outcome.unfinished:
            work.fail(outcome, cost)  # not over: a later run takes it up again
            return
        assert work.trial is not None
        work.trial = replace(work.trial, over=True)
        if isinstance(outcome, Failure):
            status: Status = "skipped" if issubclass(outcome.kind, Pruned) else "failed"
            self._tell(proposal.number, work.fail(outcome, cost, status))
            return
        best = self.search.best()
        leads = best is None or outcome.accuracy > (best.value or 0.0)
        if leads and self.cell.tuning is not None and self.cell.tuning.sampler != GRID:  # else nothing will evaluate it
            for path, adapted in zip(self.files(work.cell), outcome.adapted, strict=True):
                write_and_read(adapted.stored(), path)
        self._tell(proposal.number, work.done({"val": outcome.accuracy}, cost))

    def _tell(self, number: int, record: CellResult) -> None:
        """Tells the search what a record says of a trial."""
        cost = record.cost
        own = {
            "flops": (cost.train_flops or 0) - (cost.shared_flops or 0),
            "seconds": (cost.train_seconds or 0.0) - (cost.shared_seconds or 0.0),
        }
        self.search.tell(number, record.accuracy.get("val"), own, STATES[record.status])

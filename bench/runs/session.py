"""What the cells of one command share; and the work on one cell, which ends in a record whatever happens to it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from optuna.storages import BaseStorage

from bench.backbone.network import TimmBackbone
from bench.costs.budget import Amount, Budget
from bench.costs.faults import forget
from bench.costs.gauge import Gauge
from bench.costs.meter import Meter
from bench.costs.peak import Peak
from bench.records.cells import (
    Cell,
    CellResult,
    Cost,
    DataFacts,
    Expectation,
    NetworkFacts,
    Observer,
    SeesFits,
    Status,
    TrialFacts,
    TuningFacts,
)
from bench.records.fitted import Fitted
from bench.records.request import STORES
from bench.records.store import Store
from bench.registry import stored_as
from bench.runs.charge import Charge
from bench.runs.environment import environment
from bench.runs.estimate import Estimator, evaluated, passes
from bench.runs.failure import DeviceFailed, Failure, T, attempt
from bench.runs.plan import params
from bench.runs.storage import open_storage
from bench.runs.study import owner_of

UNTRIED = "the device failed before this could be done; run again to do it"
KILLED = "the process was killed while this ran; its time is charged, run again to do it"


@dataclass(frozen=True)
class Postponed:
    """Cells that did not fit into what was left of the budget, and what they were expected to cost."""

    cells: Sequence[Cell]
    needed: Amount


@dataclass
class Session:
    """What the cells of one command share."""

    store: Store
    budget: Budget
    backbone: TimmBackbone
    observers: Sequence[Observer] = ()
    storage: str | None = None  # URL of Optuna's storage; None: files beside the records
    results: list[CellResult] = field(default_factory=list)  # of this command
    postponed: dict[str, Postponed] = field(default_factory=dict)  # by task, or task and methods
    failed: Failure | None = None  # how the device failed; then nothing more is done on it

    def __post_init__(self) -> None:
        self.gauge = Gauge(self.backbone.device)
        weights = (*self.backbone.module.parameters(), *self.backbone.module.buffers())
        self.weights = sum(tensor.nbytes for tensor in weights)
        self.estimate = Estimator(self.backbone, self.store.index().results)
        self.owner = owner_of(self.store.folder)  # of trials

    def studies(self, name: str) -> BaseStorage:
        """Where Optuna keeps a study. Raises UserError when it cannot be reached."""
        return open_storage(self.storage, self.store.folder, name)

    def expected(self, cells: Sequence[Cell]) -> Amount:
        """What cells are expected to cost together, without their tuning. Fitted ones cost their evaluation alone."""
        fitted = [cell for cell in cells if self.store.fitted.get(cell.key)]
        rest = (self.estimate(cell) for cell in cells if not self.store.fitted.get(cell.key))
        return sum(rest, self.evaluating(fitted))

    def evaluating(self, cells: Sequence[Cell]) -> Amount:
        """What the evaluation of fitted cells of one task is expected to cost: all probes share a pass."""
        probes = self.estimate.forward * max((one.found.test_images for one in cells if one.method.frozen), default=0)
        return sum((self.estimate.evaluation(one) for one in cells if not one.method.frozen), probes)

    def record(self, result: CellResult) -> CellResult:
        """Writes a record, then shows it to the observers. Their time is charged to nobody."""
        self.store.append(result)
        self.results.append(result)
        self.estimate.learn(result)
        with self.budget.paused():
            for observe in self.observers:
                observe(result)
        return result

    def keep(self, one: Fitted) -> None:
        """Keeps a fitted cell until it is evaluated, also beyond a kill. Observers that ask for it hear of it."""
        self.store.fitted.put(one)
        self.estimate.learn_fit(one.record)
        with self.budget.paused():
            for observe in self.observers:
                if isinstance(observe, SeesFits):
                    observe.fitted(one.record)

    def begin(self, cell: Cell, trial: TrialFacts | None = None) -> Work:
        """Work on a cell starts. If the process is killed during it, its cost is not lost.

        Raises DeviceFailed once the device has failed.
        """
        if self.failed is not None:
            raise DeviceFailed(self.failed.reason)
        expected = self.estimate(cell)
        expectation = Expectation(round(expected.seconds, 4), int(expected.flops), passes(cell), evaluated(cell))
        meter = Meter(self.backbone.device, self.budget)
        work = Work(cell, self, utc_now(), meter, self.peak(), expectation, trial)
        lost = work.result("failed", KILLED, Cost())

        def watch(pending: Amount) -> None:
            self.gauge.collect()
            self.store.begin(lost, self.budget.spent + pending)

        self.budget.watch = watch
        return work

    def turn_away(self, cell: Cell, status: Status, reason: str) -> CellResult:
        """Records that a cell cannot run. It costs nothing."""
        work = Work(cell, self, utc_now(), Meter(self.backbone.device), self.peak(), None)
        return self.record(work.result(status, reason, Cost()))

    def write_log(self, key: str, failure: Failure) -> None:
        """Writes the traceback of a failed cell beside the records. A full disk takes it, never the record."""
        log = self.store.folder / "failures" / f"{key}.txt"
        with suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(failure.details, encoding="utf-8")

    def peak(self) -> Peak:
        """Begins to measure the memory of a cell, which would hold the backbone's weights alone too."""
        return Peak(self.backbone.device, self.weights)

    def attempt(self, what: Callable[[], T]) -> T | Failure:
        """Does a piece of work of some cells, unless the device has failed."""
        if self.failed is not None:
            return Failure(UNTRIED, self.failed.details, DeviceFailed)
        outcome = attempt(what)
        if isinstance(outcome, Failure) and outcome.fault:
            self.failed = outcome
        return outcome

    def lap(self) -> Charge:
        """Charges what ran since the last lap."""
        return Charge(self.budget.lap(), *self.gauge.lap())


@dataclass
class Work:
    """A cell at work: its meter, when it started, and the facts of its record."""

    cell: Cell
    session: Session
    started: str
    meter: Meter
    peak: Peak
    expectation: Expectation | None  # None for a cell that is not even begun
    trial: TrialFacts | None = None
    tuning: TuningFacts | None = None
    kept: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # features of each tap, where some are selected
    test_counts: Mapping[str, int] = field(default_factory=dict)

    def result(
        self, status: Status, reason: str | None, cost: Cost, accuracy: Mapping[str, float] | None = None
    ) -> CellResult:
        """The record of this work."""
        cell, session = self.cell, self.session
        store = cell.store if cell.stage == "final" else STORES[0]  # trials are evaluated as they are fitted
        file = cell.backbone.checkpoint.absolute() if cell.backbone.checkpoint else None
        classes = list(cell.found.classes) or cell.task.classes
        return CellResult(
            cell.key, cell.stage, status, reason, stored_as(cell.label.text, store), params(cell.method),
            cell.task.name, cell.task.group, cell.backbone.name, cell.seed, accuracy or {}, cost, cell.label.name,
            self.started,
            environment=environment(
                str(session.backbone.device), str(session.backbone.precision), session.backbone.compiled
            ),
            data=DataFacts(cell.found.pipeline, cell.found.fingerprint, classes, self.test_counts),
            network=NetworkFacts(
                **session.backbone.describe(), digest=cell.weights_digest, checkpoint=str(file) if file else None
            ),
            effort=cell.effort, augment=cell.augment, store=store, trial=self.trial, tuning=self.tuning,
            expectation=self.expectation, kept=self.kept, curves=self.meter.curves,
        )  # fmt: skip

    def attempt(self, what: Callable[[], T]) -> T | Failure:
        """Does a piece of this work. An interruption is recorded with its cost, and raised again."""
        try:
            outcome = self.session.attempt(what)
        except KeyboardInterrupt as error:
            self.fail(Failure("interrupted; run again to do it", traceback.format_exc(), type(error)), self.measured())
            forget(error)  # other cells may still be evaluated
            raise
        if isinstance(outcome, Failure):
            self.session.attempt(self.meter.stop)  # where the device's own failure may show first
        return outcome

    def measured(self) -> Cost:
        """The attributed cost so far, whether the work finished or not."""
        (self.meter.stop if self.session.failed is None else self.meter.halt)()
        return Cost(
            train_flops=self.meter.flops,
            shared_flops=self.meter.shared_flops,
            train_seconds=round(self.meter.seconds, 4),
            shared_seconds=round(self.meter.shared_seconds, 4),
            peak_bytes=self.peak.bytes(),
        )

    def done(
        self, accuracy: Mapping[str, float], cost: Cost, correct: Mapping[str, str] | None = None
    ) -> CellResult:  # fmt: skip
        """Records what was found, and charges what ran since the last lap."""
        found = self.result("done", None, self.session.lap().on(cost), accuracy)
        return self.session.record(replace(found, correct=correct or {}))

    def fail(self, failure: Failure, cost: Cost, status: Status = "failed") -> CellResult:
        """Records why there is no figure. The traceback of a failure goes into a file beside the records."""
        if status == "failed":
            self.session.write_log(self.cell.key, failure)
        return self.session.record(self.result(status, failure.reason, self.session.lap().on(cost)))


def utc_now() -> str:
    """The time now, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")

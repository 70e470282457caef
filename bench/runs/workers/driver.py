"""The driver gives units to workers, writes what they send, and keeps the budget. It alone has the results folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.costs.budget import Amount, largest, smallest
from bench.records.cells import Cost, SeesWorkers
from bench.runs.failure import Failure
from bench.runs.plan import is_cut
from bench.runs.runner import Part, by_task
from bench.runs.session import Postponed, Session
from bench.runs.workers.ledger import Ledger
from bench.runs.workers.parcel import Wrote, forget_trial, parcel, take_in
from bench.runs.workers.pool import Event, Finished, Joined, Lost, Pending, Pool, Recorded, Refused
from bench.runs.workers.units import Unit, units
from bench.runs.workers.worker import Ended, Errand, travelling
from bench.spec import DataMissing, UserError

TRIES = 3  # workers that may be lost over a unit, before it is failed
PATIENCE = 600.0  # seconds in which the first worker must be ready
LOST = "its worker was lost; run again to do it"


@dataclass
class Driver:
    """Some tasks at work on a pool of workers."""

    pool: Pool
    data: Path
    ledger: Ledger
    tasks: list[list[Part]]  # not begun yet
    waiting: list[Unit] = field(default_factory=list)  # of open tasks
    busy: dict[str, Unit] = field(default_factory=dict)  # by worker
    idle: list[str] = field(default_factory=list)
    ready: bool = False  # whether any worker ever was
    fresh: bool = False  # whether anything was recorded since it was last asked

    def run(self) -> None:
        """Does all tasks as far as the budget goes. Interrupted, it charges what was at work."""
        began = time.monotonic()
        try:
            while self.busy or self.waiting or self.tasks:
                self.give_out()
                if not (self.busy or self.waiting or self.tasks):
                    return
                for event in self.pool.events(1.0):
                    self.hear(event)
                self.note()
                if not self.ready and time.monotonic() - began > PATIENCE:
                    raise UserError(f"no worker was ready within {PATIENCE:.0f} s; see that the machines are free")
        except KeyboardInterrupt:
            for worker in list(self.busy):
                self.charge(self.busy.pop(worker), "interrupted; run again to do it")
            raise

    def give_out(self) -> None:
        """Gives each worker that waits the longest unit that it may do; opens tasks while some wait."""
        for worker in list(self.idle):
            while (unit := self.longest(worker)) is None and self.tasks:
                self.open_next()
            if unit is not None and unit.lease is not None:
                self.idle.remove(worker)
                self.waiting.remove(unit)
                self.busy[worker] = unit
                self.pool.start(worker, self.errand(unit, unit.lease.limit))

    def longest(self, worker: str) -> Unit | None:
        """The longest unit that waits and that a worker has not refused."""
        able = [unit for unit in self.waiting if worker not in unit.refused]
        return max(able, key=Unit.length, default=None)

    def open_next(self) -> None:
        """Gives leases to all units of the next task, or to none where they do not fit into what is free."""
        parts, free = self.tasks.pop(0), self.ledger.free()
        expected = [session.expected(cells) for session, cells in parts]
        needed = sum(expected, Amount())
        if self.ledger.budget.is_spent() or not needed.fits(free):
            for (session, cells), of_part in zip(parts, expected, strict=True):
                session.postponed[cells[0].task.name] = Postponed(cells, of_part)
            return
        # Tuning gets an even share of what is left, and at least as much as the cells themselves.
        share = smallest(free, largest(free * (1 / (len(self.tasks) + 1)), needed * 2)) - needed
        made = units(parts)
        tuned = sum(unit.tuned for unit in made)
        for unit in made:
            part = share * (unit.tuned / tuned) if unit.tuned else Amount()
            unit.lease = self.ledger.open(unit.expected() + part)
        self.waiting += made

    def errand(self, unit: Unit, limit: Amount) -> Errand:
        """What a worker is given."""
        session = unit.session
        return Errand(
            travelling(unit.cells), parcel(unit.cells, session.store), limit, session.budget.limit, self.data,
            session.owner, session.storage,
        )  # fmt: skip

    def hear(self, event: Event) -> None:
        """Acts on what was heard."""
        unit = self.busy.get(event.worker)
        if isinstance(event, Joined):
            self.ready = True
            self.idle.append(event.worker)
        elif isinstance(event, Lost) and unit is None:
            self.idle = [worker for worker in self.idle if worker != event.worker]
        elif unit is None or unit.lease is None:
            return
        elif isinstance(event, Pending):
            unit.heard, unit.lease.pending = event, event.amount
            if self.ledger.grow(unit.lease):
                self.pool.ceiling(event.worker, unit.lease.limit)
        elif isinstance(event, Recorded):
            self.take(unit, event.wrote)
        elif isinstance(event, Finished):
            self.end(event.worker, unit, event.ended)
        elif isinstance(event, Refused):
            self.refuse(event.worker, unit, event.reason)
        else:
            del self.busy[event.worker]
            self.lose(unit, event.reason)

    def take(self, unit: Unit, wrote: Wrote) -> None:
        """Writes what a worker has finished, and charges it."""
        session, lease = unit.session, unit.lease
        assert lease is not None
        unit.heard, lease.pending = None, Amount()
        if wrote.dropped is not None and (known := session.store.fitted.get(wrote.dropped)):
            self.ledger.charge(lease, spent(known.record.cost) * -1)
        take_in(wrote, session.store)
        if wrote.fitted is not None:
            self.ledger.charge(lease, spent(wrote.fitted.record.cost))
            session.keep(wrote.fitted)
        if wrote.record is not None:
            self.fresh = True
            self.ledger.charge(lease, spent(wrote.record.cost))
            session.record(wrote.record)
            forget_trial(wrote.record, session.store)

    def end(self, worker: str, unit: Unit, ended: Ended) -> None:
        """A unit is over; where the device failed, what it left is given to another."""
        del self.busy[worker]
        if ended.failed is not None:
            self.lose(unit, ended.failed.reason)  # the pool tells of the worker's end next
            return
        self.idle.append(worker)
        for label, what in ended.postponed.items():
            keys = {cell.key for cell in what.cells}
            unit.session.postponed[label] = replace(what, cells=[cell for cell in unit.cells if cell.key in keys])
        self.close(unit)

    def lose(self, unit: Unit, reason: str) -> None:
        """A worker was lost over a unit. What it had spent is charged, and another goes on, twice at most."""
        self.charge(unit, reason)
        unit.tries += 1
        unit.cells = unit.left()
        if not unit.cells:
            self.close(unit)
        elif unit.tries < TRIES:
            self.waiting.append(unit)
        else:
            self.fail(unit, Failure(f"{TRIES} workers were lost over it: {reason}", reason, UserError))

    def refuse(self, worker: str, unit: Unit, reason: str) -> None:
        """A worker cannot do a unit. Where none can, its cells fail with the reason."""
        del self.busy[worker]
        self.idle.append(worker)
        unit.refused[worker] = reason
        if set(self.idle) | set(self.busy) <= set(unit.refused):
            self.fail(unit, Failure(reason, reason, DataMissing))
        else:
            self.waiting.append(unit)

    def charge(self, unit: Unit, reason: str) -> None:
        """Records what was at work when its worker was lost, with what it had last said."""
        heard, unit.heard = unit.heard, None
        if heard is None or heard.at is None or unit.lease is None:
            return
        amount = Amount(round(heard.amount.seconds, 4), int(heard.amount.flops))
        lost = replace(heard.at, reason=reason, cost=Cost(spent_seconds=amount.seconds, spent_flops=int(amount.flops)))
        unit.lease.pending = Amount()
        self.ledger.charge(unit.lease, amount)
        unit.session.record(lost)

    def fail(self, unit: Unit, why: Failure) -> None:
        """Records that what is left of a unit cannot be done."""
        for cell in unit.left():
            unit.session.begin(cell).fail(why, Cost())
        self.close(unit)

    def close(self, unit: Unit) -> None:
        """Gives back what a unit has not spent."""
        if unit.lease is not None:
            self.ledger.close(unit.lease)
            unit.lease = None

    def note(self) -> None:
        """Writes what is pending beside the records, so that it is charged if this process is killed."""
        said = {worker: unit.heard for worker, unit in self.busy.items() if unit.heard is not None}
        at = next((one.at for one in said.values() if one.at is not None), None)
        for unit in self.busy.values():
            for observe in unit.session.observers:
                if isinstance(observe, SeesWorkers):
                    observe.working({worker: one.at for worker, one in said.items() if one.at is not None})
            if at is not None:
                total = sum((one.amount for one in said.values()), self.ledger.budget.spent)
                unit.session.store.begin(at, total)
            return


def spent(cost: Cost) -> Amount:
    """What a record charges to the budget."""
    return Amount(cost.spent_seconds, cost.spent_flops)


def drive(pool: Pool, parts: Sequence[Part], data: Path) -> set[str]:
    """Does the cells of all sessions on a pool, and returns the keys of those that are done.

    A search that was cut short goes on while something is left of the budget.
    """
    left, idle = list(parts), list[str]()
    session: Session = parts[0][0]
    ready = False
    while left:
        driver = Driver(pool, data, Ledger(session.budget), by_task(left), idle=idle, ready=ready)
        driver.run()
        idle, ready = driver.idle, driver.ready
        latest = session.store.index().latest
        cut = {key for key, one in latest.items() if one.status == "done" and is_cut(one)} if driver.fresh else set()
        left = [(one, [cell for cell in cells if cell.key in cut]) for one, cells in left]
        left = [(one, cells) for one, cells in left if cells]
    session.store.settle()
    return {one.key for each, _ in parts for one in each.results if one.status == "done"}

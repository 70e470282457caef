"""A comparison: what is asked, what of it is left to do in a results folder, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.costs.budget import UNLIMITED, Amount, Budget, parse_limits
from bench.records.cells import Cell, CellResult, Observer, Tuning
from bench.records.left_out import is_left_out
from bench.records.request import AUTO, Request
from bench.records.store import Store
from bench.registry import METHODS, TASKS
from bench.runs.plan import Plan, Terms, is_cut, plan, split_done
from bench.spec import BackboneSpec, Method, Task, UserError

if TYPE_CHECKING:
    from bench.runs.session import Postponed


@dataclass(frozen=True)
class Comparison:
    """A request and what its names stand for."""

    request: Request
    methods: Mapping[str, Callable[[], Method]]
    tasks: Mapping[str, Task]
    backbones: Sequence[BackboneSpec]

    @classmethod
    def of(cls, request: Request) -> Comparison:
        """What a request names. Raises UserError for a name that nothing has."""
        return cls(request, METHODS.select(request.methods), TASKS.select(request.tasks), request.specs)

    def plan(self) -> Plan:
        """Every cell that is asked for, tasks outermost. Raises UserError for a backbone that there is not."""
        asked, seeds = self.request, list(dict.fromkeys(self.request.seeds))
        terms = Terms(tuning_of(asked), asked.effort, asked.augment, asked.store)
        methods, unusable = self.usable()
        parts = [plan(methods, self.tasks, spec, seeds, asked.data, terms) for spec in self.backbones]
        everything = [cell for part in parts for cell in part.cells]
        order = list(dict.fromkeys(cell.task.name for cell in everything))
        cells = {cell.key: cell for cell in sorted(everything, key=lambda cell: order.index(cell.task.name))}
        missing = {name: why for part in parts for name, why in part.missing.items()}
        return Plan(list(cells.values()), unusable | missing)

    def usable(self) -> tuple[dict[str, Callable[[], Method]], dict[str, str]]:
        """The methods that can be made here, and why the others cannot: a library that is too old, for example."""
        found, unusable = dict[str, Callable[[], Method]](), dict[str, str]()
        for name, make in self.methods.items():
            try:
                make()
                found[name] = make
            except UserError as error:
                unusable[name] = str(error)
        return found, unusable


def tuning_of(request: Request) -> Tuning | None:
    """How hyper-parameters are to be chosen; None where they are not."""
    if request.tune is None:
        return None
    trials = None if request.tune == AUTO else int(request.tune)
    return Tuning(trials, request.sampler, request.seeds[0], request.oracle)


@dataclass(frozen=True)
class Outcome:
    """What became of the cells that were asked for."""

    asked: int  # cells, without those left out
    done: int  # cells that have a figure, with however many trials
    failed: int
    cut: int  # cells tuned with fewer trials than asked, because the budget ran out
    missing: Mapping[str, str]  # tasks and methods that could not run, with the reason
    postponed: Mapping[str, Amount]  # what did not fit into the budget, by task or task and methods: its expected cost
    limit: Amount
    spent: Amount  # by all runs into the folder
    stopped: str | None = None  # a sentence on the device, where it failed and ended the run
    left_out: int = 0  # cells whose method has no place in the backbone

    @property
    def left(self) -> int:
        """Cells without a figure."""
        return self.asked - self.done

    @property
    def over_budget(self) -> bool:
        """Whether the budget is why something is left."""
        spent = self.spent.seconds >= self.limit.seconds or self.spent.flops >= self.limit.flops
        limited = self.limit != UNLIMITED and self.stopped is None
        return limited and (self.left > self.failed or self.cut > 0 or (self.left > 0 and spent))

    @property
    def complete(self) -> bool:
        """Whether every task and method could run and every cell has a figure, but for those left out."""
        return not (self.left or self.missing or self.over_budget or self.stopped)


@dataclass
class Run:
    """A comparison at work on its results folder."""

    request: Request
    plan: Plan
    store: Store
    budget: Budget
    todo: Sequence[Cell]
    lost: CellResult | None  # what a killed run had been at; it is charged
    finished: set[str] = field(default_factory=set)  # keys of the cells that this run has done
    left_out: set[str] = field(default_factory=set)  # keys of those without a place in their backbone that it met
    postponed: dict[str, Postponed] = field(default_factory=dict)  # by task, or task and methods
    stopped: str | None = None  # why it ended early, where the device failed

    def work(self, observers: Sequence[Observer] = ()) -> None:
        """Does what is left, as far as the budget goes. Observers are shown each record once it is written.

        Raises UserError for a device, a storage or a memory limit that there is not.
        """
        if not self.todo or self.budget.is_spent():
            return
        from bench.runs.execute import execute  # here, so that wrong usage is told before torch is imported

        found = execute(self.todo, self.store, self.budget, self.request, observers)
        self.finished, self.postponed, self.stopped = found.done, found.postponed, found.stopped
        self.left_out = found.left_out

    def outcome(self) -> Outcome:
        """What became of it so far."""
        latest = self.store.latest()
        known = [latest[cell.key] for cell in self.plan.cells if cell.key in latest]
        done = {result.key: result for result in known if result.status == "done"}
        left_out = self.left_out | {result.key for result in known if is_left_out(result)}
        if self.request.force:
            done = {key: result for key, result in done.items() if key in self.finished}
            left_out = self.left_out
        postponed = {
            label: part.needed for label, part in self.postponed.items()
            if any(cell.key not in done for cell in part.cells)
        }  # fmt: skip
        return Outcome(
            len(self.plan.cells) - len(left_out), len(done), sum(result.status == "failed" for result in known),
            sum(map(is_cut, done.values())), self.plan.missing, postponed, self.budget.limit, self.budget.spent,
            self.stopped, len(left_out),
        )  # fmt: skip


@contextmanager
def opened(request: Request, asked: Plan) -> Iterator[Run]:
    """The run of a plan. It holds the results folder, so that no other run writes there.

    Raises UserError for a budget that is none, and for a folder that cannot be written to or is held by another run.
    """
    store, limit = Store(request.results), parse_limits(request.budget)
    with store.lock():
        lost = store.recover()
        todo, _ = split_done(asked.cells, store.latest(), request.force)
        yield Run(request, asked, store, Budget(limit, store.spent()), todo, lost)

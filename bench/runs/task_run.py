"""One task at work: its cells, its images and features, and what was chosen for each method."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bench.backbone.features import TaskImages
from bench.backbone.last_blocks import Target
from bench.costs.budget import Amount
from bench.costs.meter import Meter
from bench.records.cells import Cell, Cost
from bench.registry import Label
from bench.runs.choice import Choice, Leader
from bench.runs.failure import Failure
from bench.runs.recipe import searched
from bench.runs.session import Postponed, Session
from bench.spec import Data, Method

# What `--augment` allows; None: what the task's row does.
AUGMENTS = {"auto": None, "none": frozenset[str](), "flip": frozenset({"flip"}), "light": frozenset({"flip", "shift"})}


@dataclass
class TaskRun:
    """One task at work. What was computed of its images lives as long as it does."""

    session: Session
    cells: list[Cell]
    data: Data
    images: TaskImages  # of the training split, with their pixels and features
    choices: dict[Label, Choice | Failure] = field(default_factory=dict)  # of the methods that are tuned

    @classmethod
    def open(cls, cells: list[Cell], session: Session) -> TaskRun | None:
        """Opens the task of some cells. None where its data cannot be opened: then every cell has a failed record."""
        data = session.begin(cells[0]).attempt(cells[0].found.load)
        if isinstance(data, Failure):
            for cell in cells:
                session.begin(cell).fail(data, Cost())
            return None
        if session.backbone.view is not None:
            data = session.backbone.view.data(data)
        images, allowed = TaskImages(data.train.images, session.backbone), AUGMENTS[cells[0].augment]
        train = replace(data.train, images=images, augment=data.train.augment if allowed is None else allowed)
        return cls(session, cells, replace(data, train=train), images)

    def prepare_features(self) -> None:
        """Computes all features that the task's methods read, in one pass over the training images, if probes read any.

        Where that fails no probe can run: each gets its failed record here, and leaves the cells that are left to do.
        """
        fitted = self.session.store.fitted
        to_fit = [cell for cell in self.cells if cell.tuning is not None or not fitted.get(cell.key)]
        probes = [cell for cell in to_fit if cell.method.frozen]
        targets = list(dict.fromkeys(target for cell in to_fit for target in pooled(cell)))
        if not targets or not probes:
            return
        meter = Meter(self.session.backbone.device, self.session.budget)
        first = self.session.begin(probes[0])
        outcome = first.attempt(lambda: self.images.prepare(targets, meter))
        if isinstance(outcome, Failure):
            first.fail(outcome, Cost())
            for cell in [] if outcome.unfinished else probes[1:]:  # what was not reached is left for a later run
                self.session.begin(cell).fail(outcome, Cost())
            self.cells = [cell for cell in self.cells if cell.key not in {one.key for one in probes}]

    def expected(self, label: Label, method: Method) -> Amount:
        """What the final cells cost with what is chosen so far, if `method` is chosen for the cells of a label."""
        found = {of: choice.method for of, choice in self.choices.items() if isinstance(choice, Choice)} | {
            label: method
        }
        return self.session.expected([replace(cell, method=found.get(cell.label, cell.method)) for cell in self.cells])

    def cost_with_tuning(self, cell: Cell, cost: Cost) -> Cost:
        """A cell's cost with that of the tuning that chose its hyper-parameters, where there was one."""
        choice = self.choices.get(cell.label)
        return choice.on(cost) if isinstance(choice, Choice) else cost

    def postpone(self, cells: list[Cell], needed: Amount) -> None:
        """Notes that cells of this task were not begun."""
        label = f"{cells[0].task.name} · {', '.join(dict.fromkeys(cell.label.text for cell in cells))}"
        self.session.postponed[label] = Postponed(cells, needed)

    def leaders(self) -> Iterable[Leader]:
        """All trials that led their study for a while."""
        return (leader for choice in self.choices.values() if isinstance(choice, Choice) for leader in choice.leaders)


def pooled(cell: Cell) -> list[Target]:
    """The pooling targets that a method and its trials read: its hyper-parameter `target`, None for the embedding."""
    if not cell.method.frozen and getattr(cell.method, "head", None) == "probe":
        return [None]
    if not cell.method.frozen and not hasattr(cell.method, "target"):
        return []  # it trains on pixels alone
    own = getattr(cell.method, "target", None)
    values = searched(cell).get("target") if cell.tuning is not None else None
    return [own, *getattr(values, "choices", ())]

"""Runs cells: fits, stores, judges what was read back, and writes a record of each, whatever happens."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench import data as pixels
from bench.backbone import TimmBackbone
from bench.budget import Budget
from bench.judge import judge
from bench.meter import Meter
from bench.plan import params
from bench.probe import Probe
from bench.provenance import provenance
from bench.spec import Adapted, Cell, CellResult, Cost, Data, Observer, UserError
from bench.store import Store

T = TypeVar("T")


@dataclass
class Session:
    """What the cells of one command share."""

    store: Store
    budget: Budget
    backbone: TimmBackbone
    observers: Sequence[Observer] = ()
    results: list[CellResult] = field(default_factory=list)

    def record(self, result: CellResult) -> None:
        """Written first, then shown to the observers."""
        self.store.append(result)
        self.results.append(result)
        for observe in self.observers:
            observe(result)


@dataclass(frozen=True)
class Failure:
    """Why a piece of work has no result, in one sentence."""

    reason: str
    details: str


@dataclass(frozen=True)
class Fitted:
    """A cell whose method has finished: what was read back from its stored bytes, and what it cost so far."""

    cell: Cell
    adapted: Adapted
    cost: Cost
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    started: str = ""


def run(cells: Iterable[Cell], session: Session) -> list[CellResult]:
    """Runs cells task by task until the budget is spent; returns the new records. The caller holds the store's lock."""
    session.budget.start()
    for _, of_task in groupby(cells, key=lambda cell: cell.task.name):
        run_task(list(of_task), session)
    return session.results


def run_task(cells: list[Cell], session: Session) -> None:
    """Methods that leave the backbone alone are fitted first and judged in one pass; then each other one by itself."""
    if session.budget.remaining() <= 0:
        return
    data = attempt(cells[0].found.load)
    if isinstance(data, Failure):
        for cell in cells:
            fail(cell, data, session, utc_now(), Cost())
        return
    frozen = [cell for cell in cells if cell.method.frozen]
    others = [[cell] for cell in cells if not cell.method.frozen]
    for group in [frozen, *others]:
        run_group(group, data, session)
    session.backbone.forget()


def run_group(cells: list[Cell], data: Data, session: Session) -> None:
    """Fits each cell, then judges those that succeeded together; every cell that was begun gets its record."""
    fitted: list[Fitted] = []
    try:
        for cell in cells:
            if session.budget.remaining() <= 0:
                break
            started = utc_now()
            meter = Meter(session.backbone.device, session.budget)
            outcome = attempt(partial(fit, cell, data, meter, session))
            if isinstance(outcome, Failure):
                fail(cell, outcome, session, started, measured(meter))
            else:
                cost = replace(outcome.cost, spent_seconds=session.budget.lap())
                fitted.append(replace(outcome, cost=cost, started=started))
    finally:  # also when interrupted: what has been fitted is judged and kept
        if fitted:
            judge_group(fitted, data, session)


def judge_group(fitted: list[Fitted], data: Data, session: Session) -> None:
    """Judges what was fitted together and records it; the seconds spent on that are shared out evenly."""
    verdicts = attempt(lambda: judge(session.backbone, [one.adapted for one in fitted], data.tests))
    judging = session.budget.lap() / len(fitted)
    for number, one in enumerate(fitted):
        spent = one.cost.spent_seconds + judging
        if isinstance(verdicts, Failure):
            fail(one.cell, verdicts, session, one.started, one.cost, spent)
        else:
            verdict = verdicts[number]
            cost = replace(one.cost, eval_seconds=round(verdict.seconds, 4), spent_seconds=round(spent, 4))
            identity = identify(one.cell, session, one.started)
            result = CellResult(
                status="done", reason=None, accuracy=verdict.accuracy, cost=cost, curves=one.curves, **identity
            )
            session.record(result)


def fit(cell: Cell, data: Data, meter: Meter, session: Session) -> Fitted:
    """Lets the method adapt, writes what it keeps, and rebuilds from those bytes alone what will be judged.

    Raises UserError when the method breaks a rule of fairness or its numbers are not finite.
    """
    backbone = session.backbone
    pixels.pixels(data.train.images, backbone.image_size)  # decoded before the clock starts
    torch.manual_seed(cell.seed)
    untouched = backbone.version()
    adapted = cell.method.fit(backbone, data.train, meter)
    cost = measured(meter)
    if backbone.version() != untouched:
        raise UserError(f"{cell.method_name} changed the backbone's own weights; it must train a copy from `network`")
    if cell.method.frozen != isinstance(adapted, Probe):
        raise UserError(f"{cell.method_name} says frozen = {cell.method.frozen} but returned {type(adapted).__name__}")
    path = session.store.delta(cell.key)
    kept = write_and_read(adapted.stored(), path)
    numbers = [value for value in kept.values() if value.is_floating_point()]
    if not all(bool(value.isfinite().all()) for value in numbers):
        raise UserError(f"{cell.method_name} diverged: its weights are not finite; lower its learning rate")
    stored_params = sum(value.numel() for value in numbers)
    cost = replace(cost, stored_params=stored_params, stored_bytes=path.stat().st_size)
    return Fitted(cell, cell.method.restore(backbone, kept, data.train.classes), cost, meter.curves)


def write_and_read(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """What a method keeps, through its file on disk; raises UserError when it cannot be written."""
    beside = path.with_suffix(".tmp")  # a done record may point to the file that is there already
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in tensors.items()}, beside)
        beside.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)  # half a file would only take what space is left
        raise UserError(f"cannot write {path} ({sentence(error)}); free some space and run again") from error
    kept: dict[str, Tensor] = load_file(path)
    return kept


def attempt(work: Callable[[], T]) -> T | Failure:
    """The one place where every error of a cell is caught, so that the others go on."""
    try:
        return work()
    except (UserError, torch.OutOfMemoryError, MemoryError) as error:
        return Failure(sentence(error), traceback.format_exc())
    except Exception as error:
        return Failure(f"{type(error).__name__}: {sentence(error)}", traceback.format_exc())


def sentence(error: BaseException) -> str:
    """An error's first line; running out of memory says what to do about it."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "out of memory; choose a smaller batch, image size or backbone"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def measured(meter: Meter) -> Cost:
    """What the meter saw of a fit, finished or not."""
    meter.stop()
    return Cost(
        train_flops=meter.flops,
        shared_flops=meter.shared_flops,
        train_seconds=round(meter.seconds, 4),
        shared_seconds=round(meter.shared_seconds, 4),
        peak_bytes=meter.peak_bytes(),
    )


def fail(cell: Cell, failure: Failure, session: Session, started: str, cost: Cost, spent: float | None = None) -> None:
    """Records a failed cell with its reason and its cost; the traceback goes into a file beside the records."""
    seconds = session.budget.lap() if spent is None else spent
    log = session.store.folder / "failures" / f"{cell.key}.txt"
    with suppress(OSError):  # a full disk takes the traceback, never the record
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(failure.details, encoding="utf-8")
    cost = replace(cost, spent_seconds=round(seconds, 4))
    identity = identify(cell, session, started)
    session.record(CellResult(status="failed", reason=failure.reason, accuracy={}, cost=cost, **identity))


def identify(cell: Cell, session: Session, started: str) -> dict[str, Any]:
    """What a record says of a cell whatever became of it."""
    facts = {
        **provenance(str(session.backbone.device)),
        "pipeline": cell.found.pipeline,
        "data_fingerprint": cell.found.fingerprint,
        "weights_digest": cell.weights_digest,
        "classes": list(cell.found.classes) or cell.task.classes,
        "backbone": session.backbone.describe(),
        "started": started,
    }
    return {
        "key": cell.key,
        "stage": cell.stage,
        "method": cell.method_name,
        "params": params(cell.method),
        "task": cell.task.name,
        "group": cell.task.group,
        "backbone": cell.backbone.name,
        "seed": cell.seed,
        "provenance": facts,
    }


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

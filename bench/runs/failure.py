"""The one place where every error of a cell is caught, and becomes a sentence."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bench.costs.budget import BudgetSpent
from bench.costs.faults import forget, is_fault
from bench.costs.memory import OUT_OF_MEMORY, release
from bench.spec import UserError

T = TypeVar("T")


class DeviceFailed(UserError):
    """The device has failed, so this process can do nothing more on it."""


class GivenUp(UserError):
    """Work was ended on purpose. Too much of it is ended so for a search of all memory after each."""


@dataclass(frozen=True)
class Failure:
    """Why a piece of work has no result, in one sentence.

    The error itself is not kept: its traceback would keep alive all that the work held in memory.
    """

    reason: str
    details: str  # the traceback
    kind: type[BaseException]
    fault: bool = False  # whether the device failed

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """What is kept of an error."""
        details = "".join(traceback.format_exception(error))
        if is_fault(error):
            return cls(f"the device failed ({sentence(error)}); run again to do it", details, type(error), fault=True)
        known = isinstance(error, (UserError, *OUT_OF_MEMORY))
        return cls(sentence(error) if known else f"{type(error).__name__}: {sentence(error)}", details, type(error))

    @property
    def unfinished(self) -> bool:
        """Whether it says nothing about the work itself: the budget ended, or the device failed."""
        return self.fault or issubclass(self.kind, (BudgetSpent, DeviceFailed))


def attempt(work: Callable[[], T]) -> T | Failure:
    """The one place where every error of a cell is caught, so that the others go on with the memory that it held.

    DeviceFailed goes on to whoever ends the run.
    """
    try:
        return work()
    except DeviceFailed:
        raise
    except Exception as error:
        failure = Failure.of(error)
        forget(error)
    if not (failure.fault or issubclass(failure.kind, (BudgetSpent, GivenUp))):
        release()  # out of `except`, where the error is still alive
    return failure


def sentence(error: BaseException) -> str:
    """An error's first line; running out of memory says what to do about it."""
    if isinstance(error, OUT_OF_MEMORY):
        return "out of memory; choose a smaller batch, image size or backbone"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

"""The one place where every error of a cell is caught, and becomes a sentence."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from bench.spec import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Failure:
    """Why a piece of work has no result, in one sentence."""

    reason: str
    details: str
    error: BaseException


def attempt(work: Callable[[], T]) -> T | Failure:
    """The one place where every error of a cell is caught, so that the others go on."""
    try:
        return work()
    except (UserError, torch.OutOfMemoryError, MemoryError) as error:
        return Failure(sentence(error), traceback.format_exc(), error)
    except Exception as error:
        return Failure(f"{type(error).__name__}: {sentence(error)}", traceback.format_exc(), error)


def sentence(error: BaseException) -> str:
    """An error's first line; running out of memory says what to do about it."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "out of memory; choose a smaller batch, image size or backbone"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__

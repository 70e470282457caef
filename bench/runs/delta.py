"""What a method stores, written to its file and read back."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from bench.records import delta
from bench.runs.failure import sentence
from bench.spec import UserError


def write_and_read(tensors: Mapping[str, Tensor], path: Path, store: str = "fp32") -> dict[str, Tensor]:
    """Writes what a method stores into its file, in a number format, and returns what is read back.

    Raises UserError when the file cannot be written.
    """
    beside = path.with_suffix(".tmp")  # a done record may point to the file that is there already
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        delta.write(tensors, beside, store)
        beside.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)  # half a file would only take what space is left
        raise UserError(f"cannot write {path} ({sentence(error)}); free some space and run again") from error
    return delta.read(path)

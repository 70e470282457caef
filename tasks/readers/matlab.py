"""Variables of MATLAB files, read by scipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.spec import UserError


def matlab(path: Path, name: str) -> np.ndarray:
    """A variable of a .mat file, in MATLAB's shape. Raises UserError if the file is damaged or does not have it."""
    from scipy import io  # here, because it is slow to import

    try:
        return np.asarray(io.loadmat(path, variable_names=[name])[name])
    except (io.matlab.MatReadError, ValueError, TypeError, KeyError, OSError, EOFError) as error:
        raise UserError(f"{path} has no whole variable {name!r} ({error}); download it again") from error

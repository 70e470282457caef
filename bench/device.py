"""The device that a name stands for."""

from __future__ import annotations

import torch

from bench.spec import UserError


def find_device(name: str) -> torch.device:
    """The torch device asked for; `auto` takes the best there is. Raises UserError when it is not there."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"there is no device {name!r} here; choose cpu, cuda, cuda:1 or mps with --device") from error
    return device

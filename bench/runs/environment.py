"""The environment of a run, for its records: versions, commit and device."""

from __future__ import annotations

import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from bench.records.cells import PROTOCOL, Environment

PACKAGES = ("torch", "timm", "peft", "numpy", "scipy", "pillow", "safetensors")


@lru_cache
def environment(device: str, precision: str, compiled: bool) -> Environment:
    """The environment of a run on a device, by torch's name for it, with the precision that it computes in."""
    versions = {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES}
    return Environment(PROTOCOL, versions, _commit(), describe_device(device), precision, compiled)


def describe_device(device: str) -> str:
    """`cpu` with the number of threads, or the name of the GPU."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(torch.device(device))
    return f"{device} ({platform.machine()}, {torch.get_num_threads()} threads)"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the checkout that this file is in, or None outside of one."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

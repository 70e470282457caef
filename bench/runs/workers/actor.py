"""A worker as a Ray actor: one device, one errand at a time in a thread of its own, and an outbox that the driver asks.

What is in the outbox stays there until the driver says that it has it. So a network that was cut for a while loses and
doubles nothing.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from bench.backbone.network import TimmBackbone, load
from bench.backbone.weights import resolve
from bench.costs.budget import Amount
from bench.costs.device import device_name, find_device, limit_memory
from bench.runs.workers.pool import Event, Finished, Lost, Pending, Recorded, Refused
from bench.runs.workers.worker import Errand, Worker
from bench.spec import BackboneSpec, UserError

Numbered = tuple[int, Event]


@dataclass(frozen=True)
class Setup:
    """What a worker is told once."""

    name: str
    device: str  # as `--device` names it
    threads: int | None  # of a CPU; None: torch's own number
    memory: int | None  # bytes of a GPU that torch may take
    folder: str  # where the driver was started, which relative names of tasks are meant from


@dataclass(frozen=True)
class Hello:
    """What a worker says of itself."""

    machine: str
    device: str
    versions: str  # of what decides the numbers


class Actor:
    """The part of a worker that Ray starts on a machine. Its methods are called from the driver, in several threads."""

    def __init__(self, setup: Setup) -> None:
        if Path(setup.folder).is_dir():
            os.chdir(setup.folder)
        if setup.threads is not None:
            torch.set_num_threads(setup.threads)
        self.name, device = setup.name, find_device(setup.device)
        if setup.memory is not None:
            limit_memory(device, setup.memory)
        self.weights: list[tuple[BackboneSpec, Any]] = []
        self.worker = Worker(device, self.backbone)
        self.outbox: list[Numbered] = []
        self.told, self.news = 0, threading.Condition()

    def hello(self) -> Hello:
        """Where this is, and what it runs."""
        return Hello(os.uname().nodename, device_name(self.worker.device), versions())

    def begin(self, errand: Errand, weights: Sequence[tuple[BackboneSpec, Any]]) -> None:
        """Starts an errand. `weights` has each backbone's network as a Ray object."""
        self.weights = list(weights)
        threading.Thread(target=self._do, args=(errand,), daemon=True).start()

    def listen(self, heard: int, seconds: float) -> list[Numbered]:
        """What happened after the event of number `heard`; waits for something up to so many seconds."""
        with self.news:
            self.outbox = [one for one in self.outbox if one[0] > heard]
            if not self.outbox:
                self.news.wait(seconds)
            found = list(self.outbox)
        session = self.worker.session
        if session is None:
            return found
        last = found[-1][0] if found else heard
        return [*found, (last, Pending(self.name, session.at, session.pending()))]

    def lower(self, limit: Amount) -> None:
        """Sets what the errand at work may spend in all."""
        self.worker.lower(limit)

    def backbone(self, spec: BackboneSpec, device: torch.device) -> TimmBackbone:
        """The backbone with the weights that came from the driver; where none did, with those of this machine."""
        import ray

        for known, network in self.weights:
            if known == spec:
                return TimmBackbone(resolve(spec), ray.get(network), device)
        return load(spec, device)

    def _do(self, errand: Errand) -> None:
        try:
            ended = self.worker.do(errand, lambda wrote: self._tell(Recorded(self.name, wrote)))
            self._tell(Finished(self.name, ended))
        except UserError as error:
            self._tell(Refused(self.name, str(error)))
        except BaseException as error:  # noqa: BLE001  a thread that ends in silence would be waited for
            self._tell(Lost(self.name, f"{type(error).__name__}: {error}"))

    def _tell(self, event: Event) -> None:
        with self.news:
            self.told += 1
            self.outbox.append((self.told, event))
            self.news.notify_all()


@cache
def versions() -> str:
    """What decides the numbers and must be alike on all machines: this package with its code, torch and timm."""
    return f"head2head {_version('head2head')} (code {code()}), torch {torch.__version__}, timm {_version('timm')}"


@cache
def code() -> str:
    """12 hexadecimal digits of SHA-256 over the code of the harness, the methods and the tasks."""
    root, digest = Path(__file__).parents[3], hashlib.sha256()
    for package in ("bench", "methods", "tasks"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"

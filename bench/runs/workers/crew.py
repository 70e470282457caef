"""How many workers there are and what each has, of this machine or of a cluster; and a run with them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.costs.budget import parse_bytes
from bench.costs.memory import free_bytes
from bench.records.request import AUTO, Request
from bench.runs.runner import Part
from bench.runs.workers.actor import Setup
from bench.runs.workers.driver import drive
from bench.runs.workers.ray_pool import RayPool
from bench.runs.workers.ray_start import imported, joined, started
from bench.runs.workers.worker import anywhere
from bench.spec import UserError

ROOM = 2 << 30  # bytes of RAM for a worker on a CPU: torch alone takes one, images and features come on top


@dataclass(frozen=True)
class Crew:
    """Workers that are alike, each on a GPU of its own or on its share of the processors."""

    count: int | None  # None: as many as the cluster has GPUs, or processors where it has none
    threads: int | None  # of each on a CPU
    device: str  # as it was asked for
    cluster: str | None = None

    def work(self, parts: Sequence[Part], request: Request) -> set[str]:
        """Does cells, and returns the keys of those that are done. Raises UserError where no workers can be had."""
        if not parts:
            return set()
        with self.ray() as ray:
            count, gpus = self.placed(ray)
            weights = [
                (anywhere(cells[0].backbone), ray.put(bare(session.backbone.module))) for session, cells in parts
            ]
            memory = parse_bytes(request.memory_limit, "a memory limit") if request.memory_limit else None
            setup = Setup("", "cuda" if gpus else "cpu", None if gpus else self.threads, memory, str(Path.cwd()))
            pool = RayPool(ray, count, setup, gpus, weights)
            try:
                return drive(pool, parts, request.data.absolute())
            finally:
                pool.close()

    def ray(self) -> AbstractContextManager[Any]:
        """Ray, here or where a cluster runs."""
        if self.cluster is not None:
            return joined(self.cluster)
        count = self.count or 1
        return started(count * (self.threads or 1), 0 if self.threads else count)

    def placed(self, ray: Any) -> tuple[int, int]:
        """How many workers there are, and how many GPUs each has. Raises UserError where they do not fit."""
        has = ray.cluster_resources()
        gpus = int(has.get("GPU", 0)) if self.device != "cpu" else 0
        most = gpus or int(has.get("CPU", 0)) // (self.threads or 1)
        if self.count is not None and self.count > most:
            what = "GPUs" if gpus else f"times {self.threads or 1} processors"
            raise UserError(
                f"--workers {self.count} is more than the {most} {what} of the cluster; choose {most} or less"
            )
        return self.count or most, 1 if gpus else 0


def crew(request: Request, device: torch.device) -> Crew:
    """The workers that a request asks for. On a CPU this process then has as many threads as each of them, so that what
    it expects is what they need.

    Raises UserError where Ray is missing, for one GPU that is named, and for more workers than GPUs.
    """
    imported(local=request.cluster is None)
    asked = None if request.workers in (None, AUTO) else int(request.workers)
    if device.type == "cuda":
        gpus = torch.cuda.device_count()
        if ":" in request.device:
            raise UserError(
                f"--device {request.device} is one GPU, and each worker has its own; leave it out, or --workers"
            )
        if request.cluster is None and asked is not None and asked > gpus:
            raise UserError(
                f"--workers {asked} is more than the {gpus} GPUs here; choose {gpus} or less, or --device cpu"
            )
        return Crew(asked or (None if request.cluster else gpus), None, request.device, request.cluster)
    if device.type != "cpu":
        raise UserError(
            f"--workers are on CUDA GPUs or on the CPU, not on {device}; choose --device cpu, or no --workers"
        )
    if request.cluster is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        asked = asked or max(1, min(cores, free_bytes(device) // ROOM))
        threads = max(1, cores // asked)
    else:
        threads = 1
    torch.set_num_threads(threads)
    return Crew(asked, threads, request.device, request.cluster)


def bare(network: nn.Module) -> nn.Module:
    """The network on the CPU, as it is sent."""
    on_cpu = all(tensor.device.type == "cpu" for tensor in network.parameters())
    return network if on_cpu else deepcopy(network).cpu()

"""The threads that read: how many there are, and that torch does not multiply them."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Barrier

import pytest
import torch

from bench.images import threads
from bench.images.threads import MOST, ahead, cores, readers


def test_each_has_one_thread_of_torch_and_nobody_else_loses_any() -> None:
    before = torch.get_num_threads()
    pool = readers()
    together = Barrier(min(MOST, cores()))  # so that every one of them answers

    def ask() -> int:
        together.wait(timeout=20)
        torch.ones(100_000).round()  # a parallel region, at which a thread could take the number of all
        return torch.get_num_threads()

    answers = [pool.submit(ask) for _ in range(together.parties)]
    assert [answer.result() for answer in answers] == [1] * together.parties
    assert torch.get_num_threads() == before
    assert list(ahead(torch.get_num_threads() for _ in range(2))) == [before] * 2  # in a thread that is new
    assert readers() is pool


@pytest.mark.parametrize(("quota", "wanted"), [("150000 100000", 2), ("5000 100000", 1), ("max 100000", 64), ("", 64)])
def test_the_quota_of_a_container_counts(
    quota: str, wanted: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "QUOTA", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)
    assert cores() == wanted
    (tmp_path / "cpu.max").unlink()
    assert cores() == 64


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds no process to cores")
def test_the_cores_that_a_process_is_bound_to_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "QUOTA", tmp_path / "none")
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)

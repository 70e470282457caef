"""Cells that wait for their evaluation: kept beyond a kill, charged until their line comes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.costs.budget import Amount
from bench.records.cells import Cost
from bench.records.fitted import Fitted, FittedCells, digest
from bench.records.store import Store
from tests.synthetic import result


def waiting(seconds: float, seed: int = 0) -> Fitted:
    """A fitted cell that was charged so much."""
    record = result(seed=seed, cost=Cost(spent_seconds=seconds, spent_flops=7))
    return Fitted(replace(record, key=f"key{seed}"), "a digest")


def test_what_waits_is_found_again_and_charged_until_it_is_dropped(tmp_path: Path) -> None:
    store, first, second = Store(tmp_path), waiting(2.0), waiting(3.0, seed=1)
    store.append(result(cost=Cost(spent_seconds=1.0)))
    for one in (first, second):
        store.fitted.put(one)
    again = Store(tmp_path)
    assert list(again.fitted) == [first, second]
    assert again.fitted.get(first.record.key) == first
    assert again.spent() == Amount(6.0, 14)
    again.fitted.drop(first.record.key)
    assert again.fitted.get(first.record.key) is None
    assert again.spent() == Store(tmp_path).spent() == Amount(4.0, 7)
    again.fitted.drop(second.record.key)
    assert not (tmp_path / "fitted").exists()


def test_a_damaged_file_is_passed_over(tmp_path: Path) -> None:
    cells = FittedCells(tmp_path)
    cells.put(waiting(2.0))
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:-9])
    (tmp_path / "other.json").write_text("[]")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert list(FittedCells(tmp_path)) == []


def test_a_copy_under_another_name_is_passed_over(tmp_path: Path) -> None:
    one = waiting(2.0)
    FittedCells(tmp_path).put(one)
    (path,) = tmp_path.iterdir()
    path.with_name("copy.json").write_bytes(path.read_bytes())
    FittedCells(tmp_path).drop(one.record.key)
    assert FittedCells(tmp_path).spent() == Amount(0.0, 0)  # the copy is not charged for ever


def test_where_nothing_can_be_written_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "fitted").write_text("in the way")
    cells, one = FittedCells(tmp_path / "fitted"), waiting(2.0)
    cells.put(one)
    assert list(cells) == [one] and cells.spent() == Amount(2.0, 7)
    cells.drop(one.record.key)
    assert list(cells) == []


def test_a_digest_tells_files_apart(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    assert digest(first) != digest(second) and digest(first) == digest(first)
    assert digest(tmp_path / "absent") is None

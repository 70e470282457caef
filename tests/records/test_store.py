"""The store: nothing measured is lost, whatever is torn, full or killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bench.costs.budget import UNLIMITED
from bench.records.cells import CellResult, Tuning
from bench.records.line import parse, written
from bench.records.store import Store
from bench.runs.runner import run
from bench.spec import UserError
from tests import toy
from tests.conftest import REPOSITORY
from tests.synthetic import result

WRITER = """
import sys; from pathlib import Path
from bench.records.store import Store; from tests.synthetic import result
store = Store(Path(sys.argv[1]))
with store.lock():
    for number in range(10**9):
        store.append(result(seed=number)); print(number, flush=True)
"""


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    results = [result(seed=seed) for seed in range(3)]
    for one in results:
        store.append(one)
    assert store.results() == results
    assert store.index().spent().seconds == sum(one.cost.spent_seconds for one in results)


def test_a_torn_line_is_passed_over_and_closed_off(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.append(result(seed=0))
    whole = store.path.read_bytes()
    store.path.write_bytes(whole + whole[: len(whole) // 2])
    assert store.results() == [result(seed=0)]
    store.append(result(seed=1))
    assert store.results() == [result(seed=0), result(seed=1)]


def test_lines_of_another_shape_are_passed_over(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.path.write_text('{"key": 1}\n[]\nnonsense\n\xff\n')
    store.append(result())
    assert store.results() == [result()]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every line that any store parses, from now on."""
    lines: list[str] = []

    def listen(line: str) -> CellResult | None:
        lines.append(line)
        return parse(line)

    monkeypatch.setattr("bench.records.store.parse", listen)
    return lines


APPENDER = """
import sys; from pathlib import Path
from bench.records.store import Store; from tests.synthetic import result
for seed in (7, 8):
    Store(Path(sys.argv[1])).append(result(seed=seed))
"""


def test_only_what_another_process_added_is_read(tmp_path: Path, read: list[str]) -> None:
    store = Store(tmp_path)
    for seed in range(3):
        store.append(result(seed=seed))
    assert len(store.index().results) == len(read) == 3
    subprocess.run([sys.executable, "-c", APPENDER, str(tmp_path)], cwd=REPOSITORY, check=True)
    assert [one.seed for one in store.results()] == [0, 1, 2, 7, 8] and len(read) == 5
    store.append(result(seed=9))
    for _ in range(10):
        assert store.latest()[result(seed=9).key].seed == 9
        assert len(store.results()) == 6 and store.unreadable() == 0
    assert len(read) == 6


def test_the_line_that_another_process_is_writing_is_read_when_it_is_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    whole = written(result(seed=0)).encode(), written(result(seed=1)).encode()
    for size in (1, len(whole[1]) // 2, len(whole[1]) - 2):
        store.path.write_bytes(whole[0] + whole[1][:size])
        assert (len(store.results()), store.unreadable()) == (1, 1)
    store.path.write_bytes(b"".join(whole))
    assert store.results() == [result(seed=0), result(seed=1)] and store.unreadable() == 0


@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("seeds", [[], [5], [5, 6], [5, 6, 7], [0, 6, 7]], ids=str)
def test_a_file_that_was_replaced_is_read_anew(seeds: list[int], in_place: bool, tmp_path: Path) -> None:
    """By a shorter one, one of the same size and a longer one; over it or at its place."""
    store = Store(tmp_path)
    store.append(result(seed=0))
    store.append(result(seed=1))
    assert len(store.results()) == 2
    other = tmp_path / "other"
    other.write_text("".join(written(result(seed=seed)) for seed in seeds), encoding="utf-8")
    os.utime(other, (1, 1))
    if in_place:
        store.path.write_bytes(other.read_bytes())
        os.utime(store.path, (1, 1))
    else:
        other.replace(store.path)
    assert [one.seed for one in store.results()] == seeds
    assert [one.seed for one in store.latest().values()] == seeds
    store.path.unlink()
    assert store.results() == []
    store.append(result(seed=3))
    assert [one.seed for one in store.results()] == [3]


def test_each_of_20000_records_is_read_once(tmp_path: Path, read: list[str]) -> None:
    store = Store(tmp_path)
    lines = [written(replace(result(), key=str(number % 15_000), seed=number)) for number in range(20_000)]
    store.path.write_text("".join(lines), encoding="utf-8")
    for _ in range(100):
        assert len(store.index().results) == 20_000
    latest = store.latest()
    assert len(latest) == 15_000 and latest["3"].seed == 15_003 and latest["14999"].seed == 14_999
    assert len(read) == 20_000


def test_a_run_reads_each_line_once(tmp_path: Path, read: list[str]) -> None:
    """However many cells are tuned: the clock of the budget runs."""
    clock = toy.Clock()
    made = {f"m{number}": toy.method(clock) for number in range(3)}
    run(toy.cells(made, 2, Tuning(4, "random", 0)), toy.session(tmp_path, clock, UNLIMITED))
    assert 0 < len(read) <= len(Store(tmp_path).path.read_text(encoding="utf-8").splitlines())


def test_done_is_never_displaced(tmp_path: Path) -> None:
    store = Store(tmp_path)
    failed = replace(result(), status="failed", reason="out of memory")
    for one in (failed, result(), failed):
        store.append(one)
    assert store.latest()[result().key].status == "done"
    assert len(store.results()) == 3


def test_a_second_run_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    told = pytest.raises(UserError, match=f"process {os.getpid()} is already running")
    with Store(tmp_path).lock(), told, Store(tmp_path).lock():
        pass
    with Store(tmp_path).lock():
        pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="name another with --results"), Store(tmp_path / "file" / "results").lock():
        pass


def test_a_full_disk_leaves_the_record_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    store.path = Path("/dev/full")
    if not store.path.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(UserError, match="free some space"):
        store.append(result())
    assert '"method":"linear_probe"' in capsys.readouterr().err


def test_kill_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        acknowledged = len(process.communicate()[0].splitlines()) + 1
        store = Store(tmp_path)
        assert acknowledged <= len(store.results()) <= acknowledged + 1
        store.path.unlink()

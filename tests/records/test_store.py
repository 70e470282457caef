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

from bench.records.store import Store
from bench.spec import UserError
from tests.conftest import REPOSITORY
from tests.synthetic import result

WRITER = """
import sys; from pathlib import Path
from bench.store import Store; from tests.synthetic import result
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
    assert store.spent().seconds == sum(one.cost.spent_seconds for one in results)


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

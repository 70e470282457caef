"""Downloads from a server of our own: whole, resumed, damaged, unpacked, and what is said when nothing answers."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from functools import partial
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from ssl import SSLEOFError
from threading import Barrier, Event, Thread

import pytest

from bench.commands.data import get
from bench.images import transfer
from bench.images.download import fetch
from bench.source import Download, Source
from bench.spec import DataMissing, Found, Task, UserError
from tests.images.file_server import BLOB, FILES, Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as running:
        thread = Thread(target=partial(running.serve_forever, poll_interval=0.01))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    file = server.file("/a.bin")
    fetch([file], tmp_path / "new")
    assert (tmp_path / "new" / "a.bin").read_bytes() == BLOB
    asked = len(server.ranges)
    fetch([file], tmp_path / "new")
    assert len(server.ranges) == asked
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.bin"]


def test_a_transfer_that_breaks_off_is_taken_up_again(server: Server, tmp_path: Path) -> None:
    server.breaks = 2
    fetch([server.file("/a.bin")], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BLOB
    assert server.ranges[-1] == "bytes=600000-"


@pytest.mark.parametrize("error", [SSLEOFError("cut off"), IncompleteRead(b""), TimeoutError("too slow")])
def test_whatever_breaks_a_transfer_off_it_is_taken_up_again(
    error: Exception, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, broken = HTTPResponse.read, [error]

    def fail_once(response: HTTPResponse, amount: int | None = None) -> bytes:
        if broken and (response.length or 0) < len(BLOB):  # some of it has come
            raise broken.pop()
        return read(response, amount)

    monkeypatch.setattr(HTTPResponse, "read", fail_once)
    fetch([server.file("/a.bin")], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BLOB and not broken
    assert server.ranges[-1] == f"bytes={transfer.BLOCK}-"


def test_an_earlier_attempt_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(BLOB[:1000])
    fetch([server.file("/a.bin")], tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == BLOB
    assert server.ranges[-1] == "bytes=1000-"


def test_a_file_that_is_another_is_removed_and_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(b"x" * 1000)
    with pytest.raises(UserError, match=r"a\.bin gave a file whose sha256 is \w+ instead of \w+; run again"):
        fetch([server.file("/a.bin")], tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "unpack", "result"), [("/b.bin.gz", "gz", "b.bin"), ("/c.tar.gz", "tar", "inner.bin")]
)
def test_archives_that_are_read_unpacked(name: str, unpack: str, result: str, server: Server, tmp_path: Path) -> None:
    fetch([server.file(name, unpack)], tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {result: BLOB}


def test_a_zip_without_a_checksum_is_checked_by_its_own(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Download(server.url("/d.zip"))
    fetch([file], tmp_path / "whole")
    assert (tmp_path / "whole" / "d.zip").read_bytes() == FILES["/d.zip"]
    monkeypatch.setitem(FILES, "/d.zip", FILES["/d.zip"].replace(b"\0\1\2\3", b"\0\1\2\4", 1))
    with pytest.raises(UserError, match=r"d\.zip gave a damaged zip"):
        fetch([file], tmp_path / "damaged")
    assert not list((tmp_path / "damaged").iterdir())


def test_no_room_is_said_before_anything_is_asked_for(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs 1000000\.\d GB and .* are free; make room"):
        fetch([Download(server.url("/a.bin"), 10**15)], tmp_path / "new")
    assert not server.ranges and not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("url", "why"), [("http://127.0.0.1:9/x.zip", "refused"), ("http://nowhere.invalid/x.zip", "name|no answer")]
)
def test_no_network_is_one_sentence(url: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(UserError, match=rf"(?i){url} cannot be reached \(.*({why}).*\); check the network"):
        fetch([Download(url)], tmp_path)


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Event()
    monkeypatch.setattr(transfer, "PATIENCE", -0.9)
    monkeypatch.setattr(transfer, "request", lambda *_: answer.wait() and io.BytesIO())
    with pytest.raises(UserError, match="no answer"):
        fetch([Download("http://127.0.0.1/x.zip")], tmp_path)
    answer.set()


def test_what_the_server_says_is_passed_on(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/none\.zip cannot be reached \(404 Not Found\).*into .* by hand"):
        fetch([Download(server.url("/none.zip"))], tmp_path)


@pytest.mark.parametrize(("name", "unpack"), [("x.bin.gz", "gz"), ("x.tar", "tar")])
def test_a_damaged_archive_put_there_by_hand_is_named(name: str, unpack: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(BLOB)[:2000])
    with pytest.raises(UserError, match=rf"{name} cannot be unpacked \(.+\); remove it, or make room, and run again"):
        fetch([Download(f"http://127.0.0.1:9/{name}", unpack=unpack)], tmp_path)  # type: ignore[arg-type]


def downloadable(file: Download) -> Task:
    """A task that is here once its file is."""

    def find(data: Path) -> Found:
        if not (data / "files" / file.name).exists():
            raise DataMissing("it is not here")
        return Found("bytes", "1", load=lambda: pytest.fail("opened"), exactness="exact")

    return Task("some/task", "natural", 2, "bytes", find, source=Source(downloads=(file,), folder="files"))


def test_what_one_server_does_not_give_stops_no_other(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = Download(server.url("/b.bin.gz"), len(FILES["/b.bin.gz"]), "sha256:00")
    gone, bad = downloadable(Download("http://127.0.0.1:9/x.zip")), downloadable(foreign)
    tasks = {"gone": gone, "bad": bad, "good": downloadable(server.file("/a.bin"))}
    assert get(tasks, tmp_path) == 1
    shown = capsys.readouterr()
    assert shown.out == "good: exact, bytes\n"
    assert "gone: http://127.0.0.1:9/x.zip cannot be reached" in shown.err and "bad: http" in shown.err
    assert get({"gone": gone, "bad": bad}, tmp_path) == 2
    assert get({"good": tasks["good"]}, tmp_path) == 0


def test_all_servers_are_asked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 20
    together = Barrier(count, timeout=30)  # breaks, and fails the test, if one server is asked after another

    def request(*_: object) -> HTTPResponse:
        together.wait()
        raise UserError("refused")

    monkeypatch.setattr(transfer, "request", request)
    tasks = {f"task {at}": downloadable(Download(f"http://127.0.0.1/{at}")) for at in range(count)}
    assert get(tasks, tmp_path) == 2

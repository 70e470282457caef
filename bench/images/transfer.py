"""Fetches one file over HTTP, from where an earlier attempt stopped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from ssl import SSLError
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from bench.source import Download
from bench.spec import UserError

PATIENCE = 7.0  # seconds within which a server has to answer, and that a transfer may stand still
TRIES = 5  # times that a transfer is resumed without getting any further
BLOCK = 1 << 18  # bytes read at once
HEADERS = {"User-Agent": "head2head"}  # some servers refuse Python's default


def part(download: Download, folder: Path) -> Path:
    """Where a file lies until it is whole."""
    return folder / f"{download.name}.part"


def reachable(download: Download, folder: Path) -> None:
    """Raises UserError if the server does not answer within ten seconds, even if looking up its name takes longer."""
    answers: list[UserError | None] = []

    def ask() -> None:
        try:
            request(download, folder, 0).close()
            answers.append(None)
        except UserError as error:
            answers.append(error)

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE + 1)
    answer = answers[0] if answers else unreachable(download, folder, "no answer")
    if answer is not None:
        raise answer


def request(download: Download, folder: Path, have: int) -> HTTPResponse:
    """The server's answer, from byte `have` on if it can. Raises UserError if there is none, or it is an error."""
    asked = Request(download.url, headers=HEADERS | ({"Range": f"bytes={have}-"} if have else {}))
    try:
        response: HTTPResponse = urlopen(asked, timeout=PATIENCE)
        return response
    except HTTPError as error:
        error.close()
        raise unreachable(download, folder, f"{error.code} {error.reason}") from error
    except (URLError, OSError) as error:
        raise unreachable(download, folder, str(getattr(error, "reason", error))) from error


def unreachable(download: Download, folder: Path, why: str) -> UserError:
    """The error for a file that a server does not give."""
    return UserError(
        f"{download.url} cannot be reached ({why}); check the network and run again, or put {download.name} into "
        f"{folder} by hand"
    )


def transfer(download: Download, folder: Path, bar: Progress) -> Path:
    """Fetches one file, from where an earlier attempt stopped; returns where it lies.

    Raises UserError if the server breaks off too often.
    """
    path = part(download, folder)
    if not download.size:  # nothing tells a whole file from one that was begun
        path.unlink(missing_ok=True)
    item = bar.add_task(download.name, total=download.size or None)
    tries = TRIES
    while not complete(download, path):
        have = size_of(path)
        why = stream(download, folder, path, bar, item)
        if why is None and not download.size:
            break
        tries = tries - 1 if size_of(path) <= have else TRIES
        if not tries:
            raise unreachable(download, folder, why or "it stops short")
    return path


def complete(download: Download, path: Path) -> bool:
    """Whether the file has its size already. A file that is too long is begun anew."""
    if download.size and size_of(path) > download.size:
        path.unlink()
    return bool(download.size) and size_of(path) == download.size


def stream(download: Download, folder: Path, path: Path, bar: Progress, item: TaskID) -> str | None:
    """Appends to a partial file what the server sends; returns why it broke off, or None if all was sent.

    Raises UserError if the server refuses, or the file cannot be written.
    """
    have = size_of(path)
    response = request(download, folder, have)
    if response.status != 206:
        have = 0  # the server sends it from the beginning
    expected = have + int(response.headers.get("Content-Length") or 0)
    try:
        with response, path.open("r+b" if have else "wb") as file:
            file.seek(have)
            while block := response.read(BLOCK):
                file.write(block)
                bar.update(item, completed=file.tell())
    except (TimeoutError, ConnectionError, SSLError, HTTPException) as error:
        return str(error)
    except OSError as error:
        raise UserError(f"{path} cannot be written ({error.strerror}); make room and run again") from error
    return None if size_of(path) >= expected else "the connection was closed"


def size_of(path: Path) -> int:
    """Bytes of a file, 0 if it is absent."""
    return path.stat().st_size if path.exists() else 0


@contextmanager
def transfer_bar() -> Iterator[Progress]:
    """A progress bar of bytes on a terminal, nothing elsewhere."""
    console = Console(file=sys.stderr)
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        yield bar

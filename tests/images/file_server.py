"""A server of files on this machine, which can be told to break off."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bench.source import Download

BLOB = bytes(range(256)) * 4000


def packed_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("inner.bin")
        member.size = len(BLOB)
        archive.addfile(member, io.BytesIO(BLOB))
    return buffer.getvalue()


def packed_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inner.bin", BLOB)
    return buffer.getvalue()


FILES = {"/a.bin": BLOB, "/b.bin.gz": gzip.compress(BLOB), "/c.tar.gz": packed_tar(), "/d.zip": packed_zip()}


class Server(ThreadingHTTPServer):
    """Serves FILES; remembers the ranges that were asked for, and breaks off as often as it is told to."""

    daemon_threads = True
    breaks = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{name}"

    def file(self, name: str, unpack: str = "") -> Download:
        blob = FILES[name]
        return Download(self.url(name), len(blob), f"sha256:{hashlib.sha256(blob).hexdigest()}", unpack)  # type: ignore[arg-type]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        asked = self.headers["Range"]
        server.ranges.append(asked)
        if self.path not in FILES:
            self.send_error(404)
            return
        blob = FILES[self.path]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(blob) - start))
        self.end_headers()
        if server.breaks and len(server.ranges) > 1:  # the first request only asks whether the server is there
            server.breaks -= 1
            self.wfile.write(blob[start : start + 300_000])
            return
        with suppress(ConnectionError):  # whoever only asked whether we are here has left
            self.wfile.write(blob[start:])

    def log_message(self, *_: object) -> None:
        pass

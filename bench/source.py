"""Where a task's images come from: what people need to get them, and the files that can be downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Packing = Literal["", "gz", "tar"]  # "": the file is read as it was downloaded


@dataclass(frozen=True)
class Download:
    """One file that `data get` fetches."""

    url: str
    size: int = 0  # bytes; 0 if nobody states it
    checksum: str = ""  # "sha256:…" or "md5:…"; empty if nobody publishes one
    unpack: Packing = ""

    @property
    def name(self) -> str:
        """Name of the downloaded file: the last part of its address."""
        return self.url.partition("?")[0].rpartition("/")[2]

    @property
    def result(self) -> str:
        """Name of the file that is there in the end. For a tar this is its own name; its members are not known."""
        return self.name.removesuffix(".gz") if self.unpack == "gz" else self.name


@dataclass(frozen=True)
class Source:
    """What people need to get a data set, and the terms under which they may use it."""

    title: str = ""
    link: str = ""  # the authors' page, or the folder of a user's own images
    licence: str = ""
    citation: str = ""
    folder: str = ""  # where its files go, below the folder that --data names
    files: str = ""  # which files go there
    manual: str = ""  # what has to be done by hand besides
    downloads: tuple[Download, ...] = ()  # empty if the files can only be had by hand
    stated_size: str = ""  # of all files, where `downloads` do not say it
    portable: str = ""  # folder of a portable copy below --data, such as "vtab-1k/dtd"
    caveat: str = ""  # what is known to go wrong, or to differ from what was published

    @property
    def size(self) -> str:
        """Size of all files, such as "169 MB" (10^6 bytes); empty if nobody states it."""
        total = sum(each.size for each in self.downloads)
        if self.stated_size or not total:
            return self.stated_size
        return f"{total / 1e9:.1f} GB" if total >= 1e9 else f"{total / 1e6:.0f} MB"

    def command(self, task: str, data: Path) -> str:
        """The command that downloads the files of a task."""
        return f"run_bench.py data get {task} --data {data}"

    def by_hand(self, data: Path) -> str:
        """What to put where, for somebody who has the files or has to find them."""
        steps = f" ({self.manual})" if self.manual else ""
        return f"put {self.files} into {data / self.folder}{steps}"

    def missing(self, task: str, data: Path) -> str:
        """One sentence for a task whose images are not there: how to get them, how large they are, their licence."""
        ways = [f"run `{self.command(task, data)}`"] if self.downloads else []
        ways.append(self.by_hand(data))
        ways += [f"put a copy in the vtab-1k layout into {data / self.portable}"] if self.portable else []
        terms = ", ".join(filter(None, [self.size, self.licence and f"licence: {self.licence}", self.link]))
        return f"the images of {task} are not under {data}: {', or '.join(ways)} ({terms})"

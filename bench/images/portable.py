"""Writes a portable copy of a task, without loss: PNG images and list files, in the layout of vtab-1k folders.

<name>/images/{train800,val200,test}/000000.png
<name>/{train800,val200,train800val200,test}.txt        lines such as "images/train800/000000.png 307"
<name>/head2head.json                                   what it is a copy of; without it the copy is unfinished
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from bench.lock import Held, held
from bench.spec import Data, Found, Split, Task, UserError

NOTE = "head2head.json"
THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Note:
    """What a portable copy says of itself."""

    task: str
    classes: int
    source_pipeline: str
    source_fingerprint: str
    exactness: str
    augment: Sequence[str]
    parts: Mapping[str, int]  # images of each list file
    train: Sequence[str]  # the lists of training and of validation images
    tests: Mapping[str, str]  # name of each test set and its list
    possible: Mapping[str, Sequence[int]]  # classes of the test sets that do not have all, by name
    pixels: str  # digest of all labels and decoded pixels, in order: the same for every exact copy

    @property
    def pipeline(self) -> str:
        """How the copy's files become pixels, as records state it."""
        return f"lossless PNG copy of: {self.source_pipeline}"


def read_note(folder: Path) -> Note | None:
    """The note in a folder, None if there is none. Raises UserError if it is damaged."""
    path = folder / NOTE
    if not path.is_file():
        return None
    try:
        note = Note(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, OSError) as error:
        raise UserError(f"{path} is damaged; remove {folder} and convert the task again") from error
    return note


def convert(task: Task, found: Found, home: Path, advance: Callable[[], object]) -> Path:
    """Writes a copy of a task below `home` and returns its folder; `advance` is called once per image.

    The folder has its name only once it is whole. Raises UserError if it is there already, if another process is
    writing it, or if it cannot be written.
    """
    folder = home / (Path(task.source.portable).name or "_".join(filter(None, re.split(r"[^\w.-]+", task.name))))
    if folder.exists():
        raise UserError(f"{folder} is there already; remove it, or name another place with --to")
    try:
        with unfinished(folder) as partial:
            write_task(task, found, partial, advance)
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}); make room, or name another place") from error
    return folder


def write_task(task: Task, found: Found, folder: Path, advance: Callable[[], object]) -> None:
    """Writes the images, the lists and, last, the note."""
    data = found.load()
    parts = divided(data)
    state = blake2b(digest_size=16)
    lists: dict[str, str] = {}
    for name, (split, places) in parts.items():
        (folder / "images" / name).mkdir(parents=True)
        lists[name] = ""
        with ThreadPoolExecutor(THREADS) as pool:
            digests = pool.map(lambda job: write_image(*job), jobs(folder / "images" / name, split, places))
            for number, (place, digest) in enumerate(zip(places, digests, strict=True)):
                state.update(digest + bytes(f" {split.labels[place]} ", "ascii"))
                lists[name] += f"images/{name}/{number:06}.png {split.labels[place]}\n"
                advance()
    train, val, *rest = lists
    lists[train + val] = lists[train] + lists[val]
    for name, text in lists.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    note = Note(
        task.name, task.classes, found.pipeline, found.fingerprint, found.exactness, sorted(data.train.augment),
        {name: len(places) for name, (_, places) in parts.items()}, [train, val],
        dict(zip(data.tests, rest, strict=True)), possible(data), state.hexdigest(),
    )  # fmt: skip
    (folder / NOTE).write_text(json.dumps(asdict(note), indent=1) + "\n", encoding="utf-8")


def possible(data: Data) -> dict[str, list[int]]:
    """The classes of the test sets that do not have all, by name."""
    return {name: sorted(split.possible) for name, split in data.tests.items() if split.possible is not None}


def divided(data: Data) -> dict[str, tuple[Split, range]]:
    """The parts of a task under the names of their lists, such as train800, val200, test and ood_sketch."""
    count = len(data.train.labels)
    learnt = count - data.train.validation
    parts = {
        f"train{learnt}": (data.train, range(learnt)),
        f"val{data.train.validation}": (data.train, range(learnt, count)),
    }
    tests = {name.replace("/", "_"): (split, range(len(split.labels))) for name, split in data.tests.items()}
    return parts | tests


def jobs(folder: Path, split: Split, places: range) -> Iterator[tuple[Path, Split, int]]:
    """The arguments of `write_image` for each image of a part."""
    return ((folder / f"{number:06}.png", split, place) for number, place in enumerate(places))


def write_image(path: Path, split: Split, place: int) -> bytes:
    """Writes one image as PNG; returns the digest of its shape and pixels."""
    from PIL import Image  # here, because it is slow to import

    pixels = split.images.decode(place)
    Image.fromarray(pixels).save(path, "png")
    return blake2b(f"{pixels.shape} ".encode() + pixels.tobytes(), digest_size=16).digest()


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A hidden folder to write into, which is renamed to `folder` at the end.

    What an interrupted process left in it is removed. Raises UserError if another process is writing there.
    """
    partial = folder.parent / f".{folder.name}.part"
    partial.mkdir(parents=True, exist_ok=True)
    lock = folder.parent / f".{folder.name}.lock"
    try:
        with held(lock):
            try:
                for path in partial.iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                yield partial
                partial.rename(folder)
            finally:
                with suppress(OSError):  # Windows keeps it while it is open
                    lock.unlink(missing_ok=True)
    except Held as other:
        raise UserError(f"process {other} is writing {folder}; wait for it") from other

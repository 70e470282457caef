"""An adapted backbone taken out of a results folder: its delta, byte for byte, and a page of JSON on how to use it.

DIR/delta.safetensors     what the cell kept, as it was judged
DIR/adapted.json          backbone, preprocessing, classes, method, figures; written last
A method may ask for the names that another library expects, and for that library's own JSON beside them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from rich.table import Table

from bench.registry import METHODS, base, matches
from bench.screen import wide_screen
from bench.spec import CellResult, Method, UserError
from bench.store import Store

NOTE = "adapted.json"
DELTA = "delta.safetensors"
MADE_BY = "Head2Head: `run_bench.py export`; `run_bench.py predict DIR IMAGES` uses it"
SHOWN = 5  # cells named in a message


@runtime_checkable
class Interchangeable(Protocol):
    """A method whose delta another library loads by itself from a folder laid out as that library wants."""

    def layout(self, names: Sequence[str]) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        """The delta's file name, and the contents of JSON files beside it, from the names of the delta's tensors."""
        ...


@dataclass(frozen=True)
class Note:
    """What an exported folder says of itself."""

    made_by: str
    method: str
    params: Mapping[str, Any]
    delta: str  # name of its file
    sha256: str  # of that file
    classes: Sequence[str]
    backbone: Mapping[str, Any]  # timm, args, weights, weights_digest, checkpoint
    preprocessing: Mapping[str, Any]  # image_size, mean, std, resize
    accuracy: Mapping[str, float]
    cost: Mapping[str, float | None]
    source: Mapping[str, Any]  # the record: key, task, seed, protocol, versions, …


def export_command(words: Sequence[str], results: Path, to: Path | None) -> int:
    """Writes the cell that the words name into a new folder, or lists the cells that can be exported."""
    store = Store(results)
    done = finished(store)
    if not words:
        show(done)
        return 0
    result = choose(words, done, store)
    if to is None:
        raise UserError(f"where should {describe(result)} go? name a new folder with --to DIR")
    for path in export(result, store, to):
        print(f"{path}  {path.stat().st_size:,} bytes")
    print(f"Use it:  python run_bench.py predict {to} IMAGES")
    return 0


def finished(store: Store) -> list[CellResult]:
    """The newest record of each finished cell. Raises UserError when there is none."""
    done = {one.key: one for one in store.results() if (one.stage, one.status) == ("final", "done")}
    if not done:
        raise UserError(f"no cell is finished in {store.folder}; run some, or name another folder with --results")
    return list(done.values())


def choose(words: Sequence[str], done: Sequence[CellResult], store: Store) -> CellResult:
    """The one cell that KEY, the beginning of one, or METHOD TASK names; raises UserError unless it is one."""
    asked = " ".join(words)
    if len(words) > 2:
        raise UserError(f"{asked!r} names no cell; write `export KEY --to DIR` or `export METHOD TASK --to DIR`")
    if len(words) == 1:
        found = [one for one in done if one.key.startswith(asked)]
    else:
        found = [one for one in done if matches(one.method, words[0]) and matches(one.task, words[1])]
    if not found:
        raise UserError(unknown(asked, done, store))
    if len(found) > 1:
        some = "; ".join(f"{one.key} {describe(one)}" for one in found[:SHOWN])
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise UserError(f"{asked!r} names {len(found)} cells: {some}{more}; give the key of one")
    return found[0]


def unknown(asked: str, done: Sequence[CellResult], store: Store) -> str:
    """Why nothing can be exported under this name, and what can."""
    for one in store.results():
        if one.key == asked:
            why = f"failed: {one.reason}" if one.status == "failed" else f"is a {one.stage} that kept nothing"
            return f"{asked} ({describe(one)}) {why}; `export` alone lists what can be exported"
    close = get_close_matches(asked, [one.key for one in done], n=2, cutoff=0.5)
    remedy = f"did you mean {' or '.join(close)}?" if close else "`export` alone lists what can be exported"
    return f"no finished cell in {store.folder} is called {asked!r}; {remedy}"


def describe(result: CellResult) -> str:
    return f"{result.method} on {result.task}, seed {result.seed}"


def show(done: Sequence[CellResult]) -> None:
    """The finished cells with their keys, the most accurate of each task first."""
    table = Table("key", "method", "task", "backbone", "seed", "test", "bytes", box=None)
    for one in sorted(done, key=lambda one: (one.task, -one.accuracy.get("test", 0.0))):
        test = f"{one.accuracy['test']:.1%}" if "test" in one.accuracy else "–"
        table.add_row(one.key, one.method, one.task, one.backbone, str(one.seed), test, f"{one.cost.stored_bytes:,}")
    wide_screen().print(table)


def export(result: CellResult, store: Store, to: Path) -> list[Path]:
    """Writes a finished cell into a folder that is new or empty; returns its files, the note last.

    Raises UserError when the folder has other things in it or cannot be written, and when the delta is not there.
    """
    existed, whole = to.exists(), False
    written: list[Path] = []
    try:
        to.mkdir(parents=True, exist_ok=True)
        if any(to.iterdir()):
            raise UserError(f"{to} is not empty; name a new folder with --to")
        pack(result, store, to, written)
        whole = True
    except OSError as error:
        raise UserError(f"cannot write to {to} ({error.strerror}); make room, or name another folder") from error
    finally:
        if not whole:  # half an export is none
            with suppress(OSError):
                for path in written:
                    path.unlink(missing_ok=True)
                if not existed:
                    to.rmdir()
    return written


def pack(result: CellResult, store: Store, to: Path, written: list[Path]) -> None:
    """Copies the delta and writes the JSON beside it, noting each file in `written` before it is begun."""
    stored = store.delta(result.key)
    if not stored.is_file():
        raise UserError(f"{stored} is gone; run {describe(result)} again with --force")
    if stored.stat().st_size != result.cost.stored_bytes:
        raise UserError(f"{stored} is not what was judged; run {describe(result)} again with --force")
    method = method_of(result.method, result.params)
    name, beside = method.layout(tensor_names(stored)) if isinstance(method, Interchangeable) else (DELTA, {})
    written.append(to / name)
    shutil.copyfile(stored, to / name)
    for page, content in {**beside, NOTE: asdict(note(result, to / name))}.items():
        written.append(to / page)
        (to / page).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def note(result: CellResult, delta: Path) -> Note:
    """The page on a delta, from its record. Raises UserError for a record that does not say enough."""
    origin = dict(result.provenance)
    try:
        described, classes = dict(origin.pop("backbone")), origin.pop("classes")
        preprocessing = {name: described.pop(name) for name in ("image_size", "mean", "std", "resize")}
        weights = {name: origin.pop(name) for name in ("weights_digest", "checkpoint")}
        backbone = {"timm": described.pop("name"), **described, **weights}
    except KeyError as error:
        raise UserError(
            f"the record of {describe(result)} does not say its {error}; run it again with --force"
        ) from error
    about = {"key": result.key, "task": result.task, "group": result.group, "seed": result.seed}
    return Note(
        made_by=MADE_BY,
        method=result.method,
        params=result.params,
        delta=delta.name,
        sha256=file_digest(delta),
        classes=[str(label) for label in range(classes)] if isinstance(classes, int) else classes,
        backbone=backbone,
        preprocessing=preprocessing,
        accuracy=result.accuracy,
        cost={name: value for name, value in asdict(result.cost).items() if value is not None},
        source={**about, **origin},
    )


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensor_names(path: Path) -> list[str]:
    """Names of the tensors in a safetensors file, from its header alone."""
    from safetensors import safe_open  # here, so that help and listing stay light

    with safe_open(path, "np") as file:
        return list(file.keys())


def method_of(name: str, params: Mapping[str, Any]) -> Method:
    """The method with the hyper-parameters of a record. Raises UserError when there is none that takes them."""
    make = dict(METHODS.items()).get(base(name))
    if make is None:
        raise UserError(f"there is no method {name!r} here; put its file back into methods/")
    try:
        return make(**{key: tuple(value) if isinstance(value, list) else value for key, value in params.items()})
    except TypeError as error:
        raise UserError(f"{name} here does not take {dict(params)}; use the version that made it") from error

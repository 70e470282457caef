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
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from bench.records.cells import CellResult
from bench.records.store import Store
from bench.registry import METHODS
from bench.spec import Method, UserError

NOTE = "adapted.json"
DELTA = "delta.safetensors"
PREPROCESSING = ("image_size", "mean", "std", "resize")
MADE_BY = "Head2Head: `run_bench.py export`; `run_bench.py predict DIR IMAGES` uses it"


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
    registered: str = ""  # the method's name in the registry; empty in folders of older versions


def describe(result: CellResult) -> str:
    return f"{result.method} on {result.task}, seed {result.seed}"


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
    method = method_of(result.registered, result.params)
    name, beside = method.layout(tensor_names(stored)) if isinstance(method, Interchangeable) else (DELTA, {})
    written.append(to / name)
    shutil.copyfile(stored, to / name)
    for page, content in {**beside, NOTE: asdict(note(result, to / name))}.items():
        written.append(to / page)
        (to / page).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def note(result: CellResult, delta: Path) -> Note:
    """The page on a delta, from its record. Raises UserError for a record that does not say enough."""
    network, classes = result.network, result.data.classes
    if network.name is None or network.digest is None or classes is None:
        lacks = "classes" if classes is None else "backbone"
        raise UserError(f"the record of {describe(result)} does not say its {lacks}; run it again with --force")
    return Note(
        made_by=MADE_BY,
        method=result.method,
        params=result.params,
        delta=delta.name,
        sha256=file_digest(delta),
        classes=[str(label) for label in range(classes)] if isinstance(classes, int) else classes,
        backbone={
            "timm": network.name,
            "args": dict(network.args),
            "weights": network.weights,
            "weights_digest": network.digest,
            "checkpoint": network.checkpoint,
        },
        preprocessing={name: getattr(network, name) for name in PREPROCESSING},
        accuracy=result.accuracy,
        cost={name: value for name, value in asdict(result.cost).items() if value is not None},
        source=source(result),
        registered=result.registered,
    )


def source(result: CellResult) -> dict[str, Any]:
    """Where a delta comes from: the record's key, and what is needed to measure it again."""
    known = {
        **asdict(result.environment), "pipeline": result.data.pipeline, "data_fingerprint": result.data.fingerprint,
        "test_counts": result.data.test_counts, "started": result.started,
        "tuning": asdict(result.tuning) if result.tuning else None,
    }  # fmt: skip
    about = {"key": result.key, "task": result.task, "group": result.group, "seed": result.seed}
    return about | {name: value for name, value in known.items() if value}


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensor_names(path: Path) -> list[str]:
    """Names of the tensors in a safetensors file, from its header alone."""
    from safetensors import safe_open  # here, so that help and listing stay light

    with safe_open(path, "np") as file:
        return list(file.keys())


def method_of(name: str, params: Mapping[str, Any]) -> Method:
    """A registered method with recorded hyper-parameters. Raises UserError when there is none that takes them."""
    make = dict(METHODS.items()).get(name)
    if make is None:
        raise UserError(f"there is no method {name!r} here; put its file back into methods/")
    try:
        return make(**{key: tuple(value) if isinstance(value, list) else value for key, value in params.items()})
    except TypeError as error:
        raise UserError(f"{name} here does not take {dict(params)}; use the version that made it") from error

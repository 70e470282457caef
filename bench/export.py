"""Exports a finished cell: copies its delta into a folder, byte for byte, with a JSON file that says how to use it.

DIR/delta.safetensors     what the method stored, as it was evaluated
DIR/adapted.json          backbone, preprocessing, classes, method, accuracy and costs; written last

A method may use another file name, and add JSON files, so that another library can load the folder by itself.
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
from bench.records.lookup import describe
from bench.records.store import Store
from bench.registry import METHODS
from bench.spec import Method, UserError

NOTE = "adapted.json"
DELTA = "delta.safetensors"
PREPROCESSING = ("image_size", "mean", "std", "resize")
MADE_BY = "Head2Head: `run_bench.py export`; `run_bench.py predict DIR IMAGES` uses it"


@runtime_checkable
class Interchangeable(Protocol):
    """A method whose delta another library can load by itself, if the folder is laid out as that library expects."""

    def layout(self, names: Sequence[str]) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        """The delta's file name, and the JSON files beside it (content by file name).

        `names` are the names of the delta's tensors.
        """
        ...


@dataclass(frozen=True)
class Note:
    """The content of `adapted.json`: what an exported folder holds, and how to use it."""

    made_by: str
    method: str  # the method's label, as the user named it
    params: Mapping[str, Any]  # its hyper-parameters
    delta: str  # the delta's file name
    sha256: str  # the digest of that file
    classes: Sequence[str]  # the class names by label
    backbone: Mapping[str, Any]  # timm, args, weights, weights_digest, checkpoint
    preprocessing: Mapping[str, Any]  # image_size, mean, std, resize
    accuracy: Mapping[str, float]  # fractions, by test set
    cost: Mapping[str, float | None]  # FLOPs, bytes, seconds, …, under the names of a record
    source: Mapping[str, Any]  # where the delta comes from: key, task, seed, protocol, versions, …
    registered: str = ""  # the method's name in the registry; empty in folders of older versions


def export(result: CellResult, store: Store, to: Path) -> list[Path]:
    """Writes a finished cell into the folder `to`, and returns the written files, the note last.

    Raises UserError when the folder is not empty or cannot be written, and when the delta is missing or damaged. The
    files written so far are then removed.
    """
    existed, complete = to.exists(), False
    written: list[Path] = []
    try:
        to.mkdir(parents=True, exist_ok=True)
        if any(to.iterdir()):
            raise UserError(f"{to} is not empty; name a new folder with --to")
        pack(result, store, to, written)
        complete = True
    except OSError as error:
        raise UserError(f"cannot write to {to} ({error.strerror}); make room, or name another folder") from error
    finally:
        if not complete:  # a part of an export is of no use
            with suppress(OSError):
                for path in written:
                    path.unlink(missing_ok=True)
                if not existed:
                    to.rmdir()
    return written


def pack(result: CellResult, store: Store, to: Path, written: list[Path]) -> None:
    """Copies the delta into `to` and writes the JSON files beside it.

    It appends each path to `written` before it starts the file, so that the caller can remove what a failure left.
    Raises UserError when the delta is missing or damaged, and OSError when a file cannot be written.
    """
    stored = store.delta(result.key)
    if not stored.is_file():
        raise UserError(f"{stored} is gone; run {describe(result)} again with --force")
    if stored.stat().st_size != result.cost.stored_bytes:
        raise UserError(f"{stored} is not what was evaluated; run {describe(result)} again with --force")
    method = method_of(result.registered, result.params)
    name, beside = method.layout(tensor_names(stored)) if isinstance(method, Interchangeable) else (DELTA, {})
    written.append(to / name)
    if name != DELTA and result.store == "int8":  # the other library reads no scales
        from bench.records import delta  # here, so that help and listing start fast

        delta.write(delta.read(stored), to / name)
    else:
        shutil.copyfile(stored, to / name)
    for page, content in {**beside, NOTE: asdict(note(result, to / name))}.items():
        written.append(to / page)
        (to / page).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def note(result: CellResult, delta: Path) -> Note:
    """The note on a delta, from its record. Raises UserError for a record that lacks the classes or the backbone."""
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
    """Where a delta comes from: the record's key, and what is needed to measure it again. Empty facts are left out."""
    known = {
        **asdict(result.environment), "pipeline": result.data.pipeline, "data_fingerprint": result.data.fingerprint,
        "test_counts": result.data.test_counts, "started": result.started,
        "effort": result.effort, "augment": result.augment,
        "tuning": asdict(result.tuning) if result.tuning else None,
    }  # fmt: skip
    about = {"key": result.key, "task": result.task, "group": result.group, "seed": result.seed}
    return about | {name: value for name, value in known.items() if value}


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tensor_names(path: Path) -> list[str]:
    """The names of the tensors in the file of a delta, whatever its format; only its header is read."""
    from safetensors import safe_open  # here, so that help and listing start fast

    with safe_open(path, "np") as file:
        names = list(file.keys())
    return [name for name in names if not name.endswith("|scale")]  # of an int8 tensor: bench.records.delta


def method_of(name: str, params: Mapping[str, Any]) -> Method:
    """The method of that registered name with recorded hyper-parameters.

    Raises UserError when no such method is registered, or when it does not take these hyper-parameters.
    """
    make = dict(METHODS.items()).get(name)
    if make is None:
        raise UserError(f"there is no method {name!r} here; put its file back into methods/")
    try:
        return make(**{key: tuple(value) if isinstance(value, list) else value for key, value in params.items()})
    except TypeError as error:
        raise UserError(f"{name} here does not take {dict(params)}; use the version that made it") from error

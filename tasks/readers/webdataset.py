"""Tars in the layout of webdataset, as CLIP_benchmark publishes its sets (`wds_vtab-*`).

<set>/train/0.tar, <set>/test/0.tar     members such as `s0000000.webp` and `s0000000.cls`, a label from 0
<set>/classnames.txt                    the classes, one a line, in the order of their labels
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.readers.layout import part_of

NAMES = "classnames.txt"


def tars(folder: Path) -> dict[str, list[str]]:
    """The tars of each part of a set, train and test among them; empty for a folder of another layout."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*/*.tar")):
        if part_of(path.parent.name):
            found.setdefault(path.parent.name, []).append(str(path))
    return found


def class_names(folder: Path) -> list[str]:
    """The names of the classes by label; empty where they are not stated, or two are alike."""
    path = folder / NAMES
    names = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return names if len(set(names)) == len(names) else []


def named(splits: Mapping[str, Any], names: list[str], feature: Any) -> dict[str, Any]:
    """The splits with the names of their classes."""
    return {split: rows.cast_column("cls", feature(names=names)) if names else rows for split, rows in splits.items()}

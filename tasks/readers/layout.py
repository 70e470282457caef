"""What the names of image files say: the class of each, and the part of the data set that it is in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bench.images.listing import printable
from bench.spec import UserError
from tasks.readers.files import Files

WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
PARTS = {word: part for part, words in WORDS.items() for word in words}
CERTAIN = {"train", "training", "val", "valid", "validation", "test"}  # parts even where no folder is below them
SHOWN = 5  # names that a message lists


@dataclass(frozen=True)
class Picture:
    """One image file: its name in the folder, its class, and its part of the folder, "train" if there are no parts."""

    name: str
    label: str
    part: str
    key: str  # `<class>/<image>`, which decides its place in the order


def part_of(name: str) -> str | None:
    """train, val or test where a name says so, in any case: `Training`, `test_set`, `dev`. None for other names."""
    word = re.sub(r"[ _-]?(set|split|data|images)$", "", name.strip().lower())
    return PARTS.get(word)


def placed(files: Files, names: Sequence[str]) -> list[Picture]:
    """Each image with its class and part.

    Raises UserError for an image in no class, a folder beside the parts, and folders that may be parts or domains.
    """
    paths = {name: name.split("/") for name in names}
    if files.path.is_file() and len({path[0] for path in paths.values()}) == 1:  # a zip of the folder itself
        paths = {name: path[1:] for name, path in paths.items()}
    parts = parts_among(files, list(paths.values()))
    if not parts:
        refuse_alike(files, list(paths.values()))
    depth = 2 if parts else 1
    stray = [name for name, path in paths.items() if len(path) <= depth]
    refuse(files, stray, "in no class", "move them into class folders, or list them with their labels in a labels.csv")
    return [
        Picture(
            name=name,
            label=path[depth - 1],
            part=parts[path[0]] if parts else "train",
            key=unicodedata.normalize("NFC", "/".join(path[depth - 1 :])),  # macOS may spell names otherwise
        )
        for name, path in paths.items()
    ]


def parts_among(files: Files, paths: Sequence[Sequence[str]]) -> dict[str, str]:
    """The part that each top folder is; empty where they are classes. Raises UserError for others beside parts."""
    tops = {path[0] for path in paths if len(path) > 1}
    known = {top: part for top in tops if (part := part_of(top))}
    certain = [known[top] for top in known if top.lower() in CERTAIN]
    deep = {path[0] for path in paths if len(path) > 2}
    sure = "train" in certain and (len(certain) > 1 or len(tops) == 1)
    if not sure and not (known.keys() <= deep and "train" in known.values() and (len(known) > 1 or len(tops) == 1)):
        return {}
    if tops != known.keys():
        raise UserError(
            f"{files.path} has {printable(min(tops - known.keys()))!r} beside train, val and test; move it away"
        )
    doubled = [top for top in known if list(known.values()).count(known[top]) > 1]
    if not CERTAIN.issuperset(top.lower() for top in doubled):
        raise UserError(f"{shown(doubled)} in {files.path} are the same part by their names; move one of them away")
    return known


def refuse_alike(files: Files, paths: Sequence[Sequence[str]]) -> None:
    """Raises UserError where all top folders hold the same folders: they may be parts or domains, not classes."""
    below: dict[str, set[str]] = {}
    for path in paths:
        below.setdefault(path[0], set()).add(path[1] if len(path) > 2 else "")
    shared = next(iter(below.values()), set())
    if len(below) > 1 and len(shared) > 1 and "" not in shared and all(each == shared for each in below.values()):
        raise UserError(
            f"{shown(below)} in {files.path} all hold the same folders, {shown(shared)}, and so may be parts or "
            "domains rather than classes; call parts train, val and test, name one domain as domains:PATH/SOURCE, "
            "or put the images of each class directly into its folder"
        )


def shown(names: Iterable[str]) -> str:
    """A few names, sorted, for a message."""
    listed = sorted(names)
    return ", ".join(repr(printable(name)) for name in listed[:SHOWN]) + (" …" if len(listed) > SHOWN else "")


def one_spelling(*groups: Sequence[Picture]) -> list[list[Picture]]:
    """The same pictures, with one class where names differ in nothing but their Unicode form (NFC or NFD).

    A class that is spelled in one way keeps its spelling.
    """
    spelled: dict[str, set[str]] = {}
    for label in {picture.label for group in groups for picture in group}:
        spelled.setdefault(unicodedata.normalize("NFC", label), set()).add(label)
    new = {label: name for name, labels in spelled.items() if len(labels) > 1 for label in labels}
    return [[replace(each, label=new[each.label]) if each.label in new else each for each in group] for group in groups]


def refuse(files: Files, names: Sequence[str], what: str, remedy: str) -> None:
    """Raises UserError naming the first of the files that cannot be used, and how many there are; none is no error."""
    if names:
        count = "1 file is" if len(names) == 1 else f"{len(names):,} files are"
        raise UserError(f"{count} {what}, the first is {files.where(names[0])}; {remedy}")

"""`domains:PATH/SOURCE`, folders `<domain>/<class>/<image>` side by side: SOURCE is adapted to, every other one judged.

The source is divided as `folder:` divides a folder, in the order of the md5 digests of `<class>/<image>`: a quarter of
each class tests in distribution, a fifth of what remains validates. All images of the other domains are judged, and
none of them is ever adapted to or chosen by. Only classes that all domains have are used, so all share their labels.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.images.decode import READ
from bench.registry import TASKS
from bench.spec import Data, Found, Task, UserError
from tasks.folder import PIPELINE, Folder, Picture, check_classes, parts, placed, splits
from tasks.order import md5_order
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles
from tasks.readers.locate import folders, places


@dataclass(frozen=True)
class Divided:
    """What the names in domain folders say: the source's parts and all images of each other domain; nothing is open."""

    source: Folder
    train: Sequence[Picture]
    val: Sequence[Picture]
    test: Sequence[Picture]
    shifted: Mapping[str, Folder]  # by domain


def make(text: str) -> Task:
    """The task that `domains:PATH/SOURCE` names. Raises UserError when the folders cannot serve as one."""
    path = Path(os.path.normpath(Path(text).expanduser().absolute()))
    if not path.is_dir():
        raise UserError(f"there is no folder {path}; name the domain to adapt to, with a folder a class in it")
    siblings = {Path(place).name: Path(place) for place in folders(str(path.parent))}
    divided = divide({name: place for name, place in siblings.items() if name == path.name or images(place)}, path.name)
    others = sum(len(folder.pictures) for folder in divided.shifted.values())
    return Task(
        name=f"domains:{Path(os.path.normpath(text)).as_posix()}",
        group="domains",
        classes=len(divided.source.classes),
        summary=f"your own images, {len(divided.source.classes)} classes, and {len(divided.shifted)} other domains",
        find=lambda task, data: found(divided),
        size=f"{len(divided.train):,} + {len(divided.val):,} / {len(divided.test):,} and {others:,} shifted",
        source=str(path),
        facts={"augment": frozenset[str]()},
    )


def side_by_side(
    data: Path, names: Mapping[str, Sequence[str]], source: str, least: int, foreign: Sequence[str] = ()
) -> dict[str, Path] | None:
    """Folders of the source and of `least` domains in all that lie in one folder, at most two levels down.

    `names` are spellings of each domain; case, blanks, `_` and `-` make no difference. Beside a `foreign` folder they
    are another set's. None when there are no such.
    """
    for place in places(data):
        there = {bare(Path(path).name): Path(path) for path in folders(place)}
        held = {domain: there[bare(name)] for domain, known in names.items() for name in known if bare(name) in there}
        if source in held and len(held) >= least and there.keys().isdisjoint(map(bare, foreign)):
            return {domain: held[domain] for domain in names if domain in held}
    return None


def divide(domains: Mapping[str, Path], source: str, shots: tuple[int, int] | None = None) -> Divided:
    """What is adapted to and judged out of folders by domain; at most `shots` to train and to validate a class.

    Raises UserError when there is no other domain, and where fewer than two classes are common to all.
    """
    if len(domains) < 2:
        raise UserError(f"{domains[source]} has no other domain beside it; put a folder of the same classes there")
    pictures = {domain: images(path) for domain, path in domains.items()}
    common = set.intersection(*({picture.label for picture in held} for held in pictures.values()))
    if len(common) < 2:
        raise UserError(
            f"{', '.join(domains)} in {domains[source].parent} have {len(common)} classes in common where at least "
            "two are needed; name the class folders alike in all of them"
        )
    sets = {
        domain: Folder(
            FolderFiles(domains[domain]),
            tuple(sorted(common)),
            tuple(held[at] for at in md5_order("", [each.key for each in held]) if held[at].label in common),
        )
        for domain, held in pictures.items()
    }
    check_classes(sets[source])
    train, val, test = parts(sets[source])
    if shots:
        train, val = first(train, shots[0]), first(val, shots[1])
    return Divided(sets[source], train, val, test, {name: held for name, held in sets.items() if name != source})


def images(domain: Path) -> list[Picture]:
    """The images below a domain's class folders."""
    files = FolderFiles(domain)
    return placed(files, [name for name in files.names() if name.lower().endswith(READ)])


def first(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """The first `count` of each class, in the order given."""
    seen: Counter[str] = Counter()
    kept = []
    for picture in pictures:
        if seen[picture.label] < count:
            kept.append(picture)
        seen[picture.label] += 1
    return kept


def found(divided: Divided, augment: frozenset[str] = frozenset()) -> Found:
    """The domains identified by the names and contents, or of more than 256 MiB the sizes, of the images in order."""
    own = divided.source.files
    chosen = [
        (own, picture.name, f"{part} {picture.key}")
        for part, held in (("train", divided.train), ("val", divided.val), ("test", divided.test))
        for picture in held
    ]
    for domain, folder in divided.shifted.items():
        chosen += [(folder.files, picture.name, f"{domain} {picture.key}") for picture in folder.pictures]
    return Found(
        pipeline=PIPELINE,
        fingerprint=digest([PIPELINE, *divided.source.classes, files_digest(chosen)]),
        load=lambda: load(divided, augment),
        train_images=len(divided.train) + len(divided.val),
        test_images=len(chosen) - len(divided.train) - len(divided.val),
        place=own.path.parent,
        exactness="exact",
        classes=divided.source.classes,
    )


def load(divided: Divided, augment: frozenset[str]) -> Data:
    """Training images followed by validation images, the source's test images, and each shifted domain whole."""
    train = splits(divided.source, [*divided.train, *divided.val])
    tests = {"test": splits(divided.source, divided.test)}
    tests |= {f"ood/{domain}": splits(folder, folder.pictures) for domain, folder in divided.shifted.items()}
    return Data(replace(train, validation=len(divided.val), augment=augment), tests)


def bare(name: str) -> str:
    """A folder's name without case, blanks and strokes."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


TASKS.add_scheme("domains", make)

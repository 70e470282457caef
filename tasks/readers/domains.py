"""Folders `<domain>/<class>/<image>` side by side: one domain is adapted to, the others are test sets as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.images.listing import images_of
from bench.source import Source
from bench.spec import Data, DataMissing, Found, UserError
from tasks.readers.digest import digest, files_digest
from tasks.readers.files import FolderFiles
from tasks.readers.image_folder import LIGHT, PIPELINE, ImageFolder, check_classes, first, ordered
from tasks.readers.layout import Picture, one_spelling, placed
from tasks.readers.locate import folders, places
from tasks.readers.shift import wholeness


@dataclass(frozen=True)
class Domain:
    """One domain as published: the number of its images, and the names its folder goes by."""

    images: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class DomainSet:
    """A published set of domains with the same classes."""

    name: str
    title: str
    classes: int
    domains: Mapping[str, Domain]
    link: str
    licence: str
    citation: str
    least: int  # domains that must be there
    shots: tuple[int, int] | None = None  # images of each class to train and to validate on, if the source is large
    foreign: tuple[str, ...] = ()  # a folder of one of these names shows that the domains beside it are another set's


@dataclass(frozen=True)
class DomainReader:
    """Reads a published set with one of its domains as the source."""

    name: str  # of the task
    kind: DomainSet
    domain: str
    augment: frozenset[str]
    source: Source

    def find(self, data: Path) -> Found:
        """The domain folders below a data folder.

        Raises DataMissing if there are too few of them, and UserError if they cannot serve as a task.
        """
        kind = self.kind
        held = side_by_side(data, kind, self.domain)
        if held is None:
            raise DataMissing(self.source.missing(self.name, data))
        divided = divide(held, self.domain, kind.shots)
        folders = {self.domain: divided.source, **divided.shifted}
        counts = {name: (len(folder.pictures), kind.domains[name].images) for name, folder in folders.items()}
        return replace(divided.found(self.augment), exactness=wholeness("exact", counts))


@dataclass(frozen=True)
class Divided:
    """What the names in domain folders say: the parts of the source, and all images of each other domain."""

    source: ImageFolder
    train: Sequence[Picture]
    val: Sequence[Picture]
    test: Sequence[Picture]
    shifted: Mapping[str, ImageFolder]  # by domain

    def find(self, data: Path) -> Found:
        """A user's own domains. Their training images may be flipped and shifted a little, as a folder's are."""
        return self.found(LIGHT)

    def found(self, augment: frozenset[str]) -> Found:
        """The domains, identified by the names and contents of their images, in order.

        Sizes stand for contents above 256 MiB.
        """
        own = self.source.files
        chosen = [
            (own, picture.name, f"{part} {picture.key}")
            for part, held in (("train", self.train), ("val", self.val), ("test", self.test))
            for picture in held
        ]
        for domain, folder in self.shifted.items():
            chosen += [(folder.files, picture.name, f"{domain} {picture.key}") for picture in folder.pictures]
        train_images = len(self.train) + len(self.val)
        return Found(
            pipeline=PIPELINE,
            fingerprint=digest([PIPELINE, *self.source.classes, files_digest(chosen)]),
            load=lambda: self.load(augment),
            train_images=train_images,
            test_images=len(chosen) - train_images,
            place=own.path.parent,
            exactness="exact",
            classes=self.source.classes,
        )

    def load(self, augment: frozenset[str]) -> Data:
        """Training images followed by validation images, the source's test images, and each other domain whole."""
        train = self.source.split([*self.train, *self.val])
        tests = {"test": self.source.split(self.test)}
        tests |= {f"ood/{domain}": folder.split(folder.pictures) for domain, folder in self.shifted.items()}
        return Data(replace(train, validation=len(self.val), augment=augment), tests)


def side_by_side(data: Path, kind: DomainSet, source: str) -> dict[str, Path] | None:
    """Folders of the source and of enough other domains that lie in one folder, at most two levels below `data`.

    Case, blanks, `_` and `-` in their names make no difference. None if there are no such folders.
    """
    for place in places(data):
        there = {bare(Path(path).name): Path(path) for path in folders(place)}
        held = {
            domain: there[bare(name)]
            for domain, each in kind.domains.items()
            for name in each.names
            if bare(name) in there
        }
        if source in held and len(held) >= kind.least and there.keys().isdisjoint(map(bare, kind.foreign)):
            return {domain: held[domain] for domain in kind.domains if domain in held}
    return None


def divide(domains: Mapping[str, Path], source: str, shots: tuple[int, int] | None = None) -> Divided:
    """Divides domain folders; with `shots`, at most so many images of each class are for training and validation.

    Raises UserError if there is no other domain, or all domains have fewer than two classes in common.
    """
    if len(domains) < 2:
        raise UserError(f"{domains[source]} has no other domain beside it; put a folder of the same classes there")
    pictures = dict(zip(domains, one_spelling(*map(images, domains.values())), strict=True))
    common = set.intersection(*({picture.label for picture in held} for held in pictures.values()))
    if len(common) < 2:
        raise UserError(
            f"{', '.join(domains)} in {domains[source].parent} have {len(common)} classes in common where at least "
            "two are needed; name the class folders alike in all of them"
        )
    classes = tuple(sorted(common))
    sets = {
        domain: ImageFolder(
            FolderFiles(domains[domain]), classes, tuple(each for each in ordered(held) if each.label in common)
        )
        for domain, held in pictures.items()
    }
    check_classes(sets[source])
    train, val, test = sets[source].parts()
    if shots:
        train, val = (first(held, dict.fromkeys(classes, n))[0] for held, n in zip((train, val), shots, strict=True))
    return Divided(sets[source], train, val, test, {name: held for name, held in sets.items() if name != source})


def images(domain: Path) -> list[Picture]:
    """The images below a domain's class folders."""
    files = FolderFiles(domain)
    names = files.names()
    return placed(files, images_of(names, files.dangling, domain))


def bare(name: str) -> str:
    """A folder's name in lower case, letters and digits only."""
    return "".join(letter for letter in name.lower() if letter.isalnum())

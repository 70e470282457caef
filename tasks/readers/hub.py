"""Data sets as Hugging Face's `datasets` keeps them: on disk or in its cache, never from the network."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.images.listing import warn
from bench.spec import UserError
from tasks.readers import webdataset
from tasks.readers.files import mark, unreadable
from tasks.readers.layout import Picture, one_spelling, part_of, refuse_alike
from tasks.readers.listed import key
from tasks.readers.table import column

SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` leaves in a folder


class HubFiles:
    """The encoded images of a data set, named `<split>/<row>`."""

    def __init__(self, path: Path, splits: Mapping[str, Any], image: str) -> None:
        self.path = path
        self._splits = splits  # datasets.Dataset, each of the encoded images alone
        self._image = image

    def names(self) -> list[str]:
        """Every image, in the order of splits and rows."""
        return [f"{split}/{row}" for split, rows in self._splits.items() for row in range(len(rows))]

    def hold(self, names: Iterable[str]) -> None:
        """Does nothing: rows are read in place."""

    def row(self, name: str) -> Mapping[str, Any]:
        """`bytes` and `path` of one image, of which one may be None. Raises UserError for an empty cell."""
        split, _, row = name.rpartition("/")
        found = self._splits[split][int(row)][self._image]
        if not found or (found["bytes"] is None and not found["path"]):
            raise UserError(f"{self.where(name)} has no image; leave out the row")
        return dict(found)

    def read(self, name: str) -> bytes:
        """Contents of one image file. Raises UserError if it is gone."""
        row = self.row(name)
        if row["bytes"] is not None:
            return bytes(row["bytes"])
        try:
            return Path(row["path"]).read_bytes()
        except OSError as error:
            raise unreadable(row["path"], error) from error

    def size(self, name: str) -> int:
        """Bytes of one image file."""
        return len(self.read(name))

    def mark(self, name: str) -> str:
        """CRC-32 and size of one image file."""
        blob = self.read(name)
        return mark(zlib.crc32(blob), len(blob))

    def where(self, name: str) -> str:
        """How messages name an image."""
        split, _, row = name.rpartition("/")
        return f"row {row} of split {split!r} in {self.path}"


def hub_pictures(name: str, named: Mapping[str, str]) -> tuple[HubFiles, list[Picture]]:
    """The images of a data set with their classes, by its own splits.

    `name` is a folder, or the name of a data set in the cache; `named` states the columns (image, label) and the
    configuration that are not to be found by themselves. Raises UserError if it cannot be read or has no such columns.
    """
    place = Path(name).expanduser()
    splits = opened(name, place, named.get("config"))
    parts = {split: part for split in splits if (part := part_of(split))} or dict.fromkeys(list(splits)[:1], "train")
    others = ", ".join(sorted(splits.keys() - parts.keys()))
    if others:
        warn(f"of {name} were not read: its splits {others}, which are none of train, val and test")
    features = splits[next(iter(parts))].features
    image, label = columns(place, features, named)
    stored = {split: encoded(splits[split], image) for split in parts}
    files = HubFiles(place, stored, image)
    if len(parts) == 1:
        refuse_domains(files)
    pictures = [
        Picture(f"{split}/{row}", what, part, order_key(files, f"{split}/{row}", what, place))
        for split, part in parts.items()
        for row, what in enumerate(labels(splits[split], label, features[label]))
        if what is not None
    ]
    left = len(files.names()) - len(pictures)
    if left:
        warn(f"of {name} were not read: {left:,} images without a label")
    return files, one_spelling(pictures)[0]


def refuse_domains(files: HubFiles) -> None:
    """Raises UserError for an image folder whose top folders may be parts or domains: `datasets` mixes them."""
    paths = [row["path"] for row in map(files.row, files.names())]
    inside = [os.path.relpath(path, files.path.absolute()) for path in paths if path and os.path.isabs(path)]  # noqa: PTH117
    refuse_alike(files, [Path(path).parts for path in inside])


def columns(place: Path, features: Mapping[str, Any], named: Mapping[str, str]) -> tuple[str, str]:
    """The columns of images and labels. Raises UserError where they are neither stated nor found."""
    images = [name for name, feature in features.items() if type(feature).__name__ == "Image"]
    if not images:
        raise UserError(f"{place} has no column of images; its columns are {', '.join(map(repr, features))}")
    image = named.get("image", images[0])
    if image not in images:
        raise UserError(f"{place} has no column of images {image!r}; it has {', '.join(map(repr, images))}")
    label = column(place, list(features), "label", named.get("label"), scheme="hf")
    assert label is not None  # as `column` returns None for splits alone
    return image, label


def labels(rows: Any, label: str, feature: Any) -> Iterator[str | None]:
    """The class of each row by its name, where the data set has names; None for a row without one.

    Raises UserError for a label that has no name.
    """
    names = getattr(feature, "names", None)
    for value in rows.with_format(None)[label]:
        if value is None or (names and value < 0):  # -1 stands for labels that are kept secret
            yield None
        elif names and value >= len(names):
            raise UserError(
                f"column {label!r} has the label {value}, and {len(names)} classes have names; name them all"
            )
        else:
            yield names[value] if names else str(value)


def encoded(rows: Any, image: str) -> Any:
    """The images of a split as their files' bytes, or as paths of them."""
    import datasets  # here, because it is the optional extra `hf`

    return rows.select_columns([image]).cast_column(image, datasets.Image(decode=False))


def order_key(files: HubFiles, name: str, label: str, place: Path) -> str:
    """`<class>/<image>`, which decides an image's place in the order: by its file's name, or else by its row."""
    path = files.row(name)["path"]
    if not path:
        return key(f"{name}.image", label)
    inside = os.path.relpath(path, place.absolute()) if os.path.isabs(path) else path  # noqa: PTH117
    return key(Path(inside).as_posix(), label)


def opened(name: str, place: Path, config: str | None) -> Mapping[str, Any]:
    """The splits of a data set. Raises UserError without the library, and for what it cannot read."""
    try:
        import datasets  # here, because it is the optional extra `hf`
    except ImportError as error:
        raise UserError(f"hf:{name} is read with datasets ({error}); run `pip install 'head2head[hf]'`") from error
    datasets.disable_progress_bars()
    try:
        with offline():
            return splits_of(name, place, config)
    except (datasets.exceptions.DatasetsError, OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"hf:{name} cannot be read here ({said}); name a folder that it was saved to, or one of a data set in the "
            "cache, which load_dataset fills where there is a network"
        ) from error


def splits_of(name: str, place: Path, config: str | None) -> Mapping[str, Any]:
    """The splits by their names, out of a folder or the cache; one data set without splits is `train`."""
    import datasets
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if any((place / note).is_file() for note in SAVED):
        saved = datasets.load_from_disk(str(place))
        return dict(saved) if isinstance(saved, datasets.DatasetDict) else {"train": saved}
    source, packed = str(place), webdataset.tars(place)
    if packed:
        loaded = datasets.load_dataset("webdataset", data_files=packed)
        return webdataset.named(loaded, webdataset.class_names(place), datasets.ClassLabel)
    if not place.exists():
        try:  # a repository that was downloaded whole; else what load_dataset has prepared
            source = snapshot_download(name, repo_type="dataset", local_files_only=True)
        except LocalEntryNotFoundError:
            source = name
    return dict(datasets.load_dataset(source, config))


@contextmanager
def offline() -> Iterator[None]:
    """Neither `datasets` nor the hub's library opens a connection meanwhile, even to look for something newer."""
    import datasets
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before

"""An exported method at work, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from pandas import DataFrame

from bench.images.files import image_files

if TYPE_CHECKING:
    from bench.predict import Loaded


class Winner:
    """An adapted backbone that was taken out of a results folder."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded

    def __repr__(self) -> str:
        return f"<Winner: {len(self.loaded.classes)} classes, backbone {self.loaded.backbone.spec.name}>"

    def predict(self, paths: str | PathLike[str] | Iterable[str | PathLike[str]]) -> DataFrame:
        """A row for each image: its path, class and probability, and the probability of every class by name.

        `paths` are files and folders of them. An image that cannot be read has no class, and its `error` says why.
        Raises UserError for a path that is not there.
        """
        from bench.predict import predict  # here, so that results are read without torch

        files = image_files([Path(one) for one in ([paths] if isinstance(paths, (str, PathLike)) else paths)])
        rows = []
        for batch in predict(self.loaded, files, len(self.loaded.classes)):
            for one in batch:
                best, probability = one.classes[0] if one.classes else (None, None)
                rows.append({"image": one.image, "class": best, "probability": probability, "error": one.error or None}
                            | dict(one.classes))  # fmt: skip
        return DataFrame(rows, columns=["image", "class", "probability", "error", *self.loaded.classes])

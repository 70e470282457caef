"""Images as another preprocessing shows them: resized and cropped before anything else reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from bench.images.pixel_cache import CachedImages
from bench.spec import Data, Images, Split, Subset

Transform = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class View:
    """What a transform makes of each image."""

    images: Images
    transform: Transform

    def __len__(self) -> int:
        return len(self.images)

    def decode(self, index: int) -> np.ndarray:
        """Pixels of one image as the transform leaves it, uint8 (height, width, 3)."""
        return np.asarray(self.transform(Image.fromarray(self.images.decode(index))))


@dataclass(frozen=True)
class Viewer:
    """Shows images through one transform, whose `rule` says in words what it does: it tells cached pixels apart."""

    rule: str
    transform: Transform

    def data(self, data: Data) -> Data:
        """All splits of a task, through the transform. Images that they share stay shared."""
        shown: dict[int, Images] = {}  # by the identity of images that `data` keeps alive meanwhile

        def split(of: Split) -> Split:
            return replace(of, images=self.images(of.images, shown))

        return Data(split(data.train), {name: split(test) for name, test in data.tests.items()})

    def images(self, images: Images, shown: dict[int, Images] | None = None) -> Images:
        """The images through the transform. Those that are cached on disk are cached as they are then.

        `shown` has what was made before of images that are still alive.
        """
        shown = {} if shown is None else shown
        if id(images) not in shown:
            shown[id(images)] = self._viewed(images, shown)
        return shown[id(images)]

    def _viewed(self, images: Images, shown: dict[int, Images]) -> Images:
        if isinstance(images, CachedImages):
            return CachedImages(self.images(images.images, shown), f"{images.identity} {self.rule}")
        if isinstance(images, Subset):
            return Subset(self.images(images.images, shown), images.indices)
        return View(images, self.transform)

"""Images as another preprocessing shows them: resized and cropped before anything else reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

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
    _shown: dict[int, Images] = field(default_factory=dict, compare=False)  # so that what is shared stays shared

    def data(self, data: Data) -> Data:
        """All splits of a task, through the transform."""
        return Data(self.split(data.train), {name: self.split(test) for name, test in data.tests.items()})

    def split(self, split: Split) -> Split:
        """The same labels, with the images through the transform."""
        return replace(split, images=self.images(split.images))

    def images(self, images: Images) -> Images:
        """The images through the transform. Those that are cached on disk are cached as they are then."""
        if id(images) not in self._shown:
            self._shown[id(images)] = self._viewed(images)
        return self._shown[id(images)]

    def _viewed(self, images: Images) -> Images:
        if isinstance(images, CachedImages):
            return CachedImages(self.images(images.images), f"{images.identity} {self.rule}")
        if isinstance(images, Subset):
            return Subset(self.images(images.images), images.indices)
        return View(images, self.transform)

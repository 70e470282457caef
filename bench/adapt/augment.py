"""Light augmentation of training images: a mirror image by chance, and a shift by a few pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SHIFT = 0.08  # of the image's side, the most a picture is moved


@dataclass(frozen=True)
class Augmentation:
    """What may be done to images of one size. Each way to do it is a line of a table, and a draw is its number.

    A line says which row, or column, of an image comes to each place. What comes in at a border is the image mirrored
    there. The columns have each shift twice, the second time flipped.
    """

    rows: Tensor  # int64 (shifts, size)
    columns: Tensor  # int64 (shifts, size), or twice as many where images may be flipped

    @classmethod
    def of(cls, allowed: frozenset[str], size: int, device: torch.device) -> Augmentation:
        """The tables for images of `size` pixels a side, by what is allowed of "flip" and "shift"."""
        most = min(size - 1, max(1, round(SHIFT * size))) if "shift" in allowed else 0
        lines = moved(size, most).to(device)
        return cls(lines, torch.cat([lines, lines.flip(1)]) if "flip" in allowed else lines)

    def draw(self, count: int) -> Tensor:
        """Draws for `count` images, int64 (2, count) on the CPU: lines of `rows`, and of `columns`.

        They come from torch's CPU generator, so that a seed means the same on every device.
        """
        return torch.stack([torch.randint(len(table), (count,), device="cpu") for table in (self.rows, self.columns)])

    def __call__(self, images: Tensor, draws: Sequence[Tensor]) -> Tensor:
        """uint8 (batch, 3, size, size), changed as two rows of draws (batch,) say; all on one device."""
        batch, channels, size, _ = images.shape
        lines = images.view(batch, channels * size, size)
        if len(self.rows) > 1:  # whole rows are copied, which is much cheaper than pixel by pixel
            first = torch.arange(0, batch * channels * size, size, device=images.device).view(batch, channels, 1)
            wanted = first + self.rows.index_select(0, draws[0])[:, None]
            lines = images.view(-1, size).index_select(0, wanted.view(-1)).view_as(lines)
        if len(self.columns) > 1:
            lines = lines.gather(2, self.columns.index_select(0, draws[1])[:, None].expand_as(lines))
        return lines.view_as(images)


def moved(size: int, most: int) -> Tensor:
    """For each shift from `-most` to `most`, which line of an image comes to each place: int64 (2 most + 1, size)."""
    places = (torch.arange(size) + torch.arange(-most, most + 1)[:, None]).abs()
    return torch.minimum(places, 2 * (size - 1) - places)

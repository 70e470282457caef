"""Single features of a design, centred, read when they are first needed and then held in memory."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from bench.adapt.solvers.lasso.design import Design

FLAT = 1e-6  # a feature that varies by less than this fraction of its size is taken for a constant


class Columns:
    """The features that a path has looked at, without their means, which the intercept makes up for.

    A feature is unusable if it is constant or equal to one that was read before. That is found when it is read.
    """

    def __init__(self, design: Design, dtype: torch.dtype) -> None:
        self.design, self.dtype = design, dtype
        self.place = torch.full(
            (design.width,), -1, device=design.device
        )  # of a feature in `kept`; -1 unread, -2 unusable
        self.kept = torch.empty(design.count, 0, dtype=dtype, device=design.device)
        self.offsets = torch.empty(0, dtype=torch.float64, device=design.device)
        self.digests: set[bytes] = set()

    def usable(self, rows: Tensor) -> Tensor:
        """The usable ones of the sorted features `rows` (k,); those that were not read before are read."""
        unread = rows[self.place[rows] == -1]
        if len(unread):
            self._read(unread)
        return rows[self.place[rows] >= 0]

    def unusable(self) -> Tensor:
        """The features that were read and are unusable, int64 (count,)."""
        return (self.place == -2).nonzero()[:, 0]

    def centred(self, rows: Tensor) -> Tensor:
        """The usable features `rows` (k,) without their means, (n, k)."""
        return self.kept[:, self.place[rows]]

    def means(self, rows: Tensor) -> Tensor:
        """The means of the usable features `rows` (k,), float64 (k,)."""
        return self.offsets[self.place[rows]]

    def _read(self, rows: Tensor) -> None:
        exact = self.design.columns(rows)
        new = torch.tensor([self._is_new(column) for column in np.ascontiguousarray(exact.T.cpu().numpy())])
        exact = exact.double()
        means = exact.mean(0)
        varies = (exact - means).abs().amax(0) > FLAT * exact.abs().amax(0)
        good = varies & new.to(varies.device)
        self.place[rows] = -2
        self.place[rows[good]] = torch.arange(int(good.sum()), device=rows.device) + self.kept.shape[1]
        self.kept = torch.cat([self.kept, (exact - means)[:, good].to(self.dtype)], dim=1)
        self.offsets = torch.cat([self.offsets, means[good]])

    def _is_new(self, column: np.ndarray) -> bool:
        digest = hashlib.blake2b(column.tobytes(), digest_size=16).digest()
        known = digest in self.digests
        self.digests.add(digest)
        return not known

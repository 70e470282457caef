"""Single features of a design, read when they are first needed, centred and kept."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor

from bench.adapt.solvers.lasso.design import Design

FLAT = 1e-6  # a feature that varies by less of its size is a constant and rounding


class Columns:
    """The features that a path has looked at, without their means, which a free intercept makes up for.

    Constant features, and those exactly like an earlier one, are found when they are read, and called unusable.
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
        """Those of the sorted `rows` that vary and are not like an earlier one; they are read if they were not."""
        unread = rows[self.place[rows] == -1]
        if len(unread):
            self._read(unread)
        return rows[self.place[rows] >= 0]

    def unusable(self) -> Tensor:
        """Features found to be constant or like an earlier one, as far as they were read."""
        return (self.place == -2).nonzero()[:, 0]

    def centred(self, rows: Tensor) -> Tensor:
        """(n, rows), all of them usable."""
        return self.kept[:, self.place[rows]]

    def means(self, rows: Tensor) -> Tensor:
        """float64 (rows,)."""
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

"""Pickled tables of numbers and arrays, read without running any code that a pickle may ask for."""

from __future__ import annotations

import pickle
from io import BytesIO
from typing import Any

import numpy as np

from bench.spec import UserError


class Pixels:
    """Stands for a pickled numpy array, so that nobody's code runs while unpickling."""

    state: tuple[Any, ...] = ()

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """The bytes of the array, uint8, in its shape."""
        _, shape, _, _, blob = self.state
        return np.frombuffer(blob if isinstance(blob, bytes) else blob.encode("latin1"), np.uint8).reshape(shape)


class Restricted(pickle.Unpickler):
    """Unpickles numbers, texts, lists, dictionaries and numpy arrays of bytes; anything else is an error."""

    ALLOWED = ("_reconstruct", "ndarray", "dtype")

    def find_class(self, module: str, name: str) -> type[Pixels]:
        """The stand-in for what makes a numpy array. Raises UnpicklingError for any other name."""
        if module.partition(".")[0] == "numpy" and name in self.ALLOWED:
            return Pixels
        raise pickle.UnpicklingError(f"it wants to run {module}.{name}")


def plain_pickle(blob: bytes, where: str, better: str) -> dict[Any, Any]:
    """A pickled dictionary. Raises UserError, naming a `better` archive, if it is damaged or holds more than data."""
    try:
        table = Restricted(BytesIO(blob), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"{where} is not read ({error}); get {better} in its place") from error
    if not isinstance(table, dict):
        raise UserError(f"{where} is not a table of images; get {better} in its place")
    return table

"""Which copy of a VTAB-1k task is there: each form is tried in turn, and the data's fingerprint says which it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.source import Source
from bench.spec import DataMissing, Found, UserError
from tasks.readers.prepared import prepared
from tasks.readers.raw import Recipe, found
from tasks.readers.vtab_folder import vtab_folder


@dataclass(frozen=True)
class Copies:
    """Reads a task from a vtab-1k folder, a directory that tensorflow-datasets prepared, or the authors' files."""

    recipe: Recipe
    source: Source

    def find(self, data: Path) -> Found:
        """The first copy below a data folder, in the order above.

        Raises DataMissing, which says what to put where, and UserError for a copy that is there and is not whole.
        """
        held = vtab_folder(self.recipe, data)
        if held is not None:
            return held
        obstacle = None
        try:
            held = prepared(self.recipe, data)
        except UserError as error:  # it often stands beside the files it was made from, which can be read
            obstacle = error
        if held is not None:
            return held
        raw = self.recipe.raw(data)
        if raw is not None:
            return found(self.recipe, raw)
        raise obstacle or DataMissing(self.source.missing(self.recipe.name, data))

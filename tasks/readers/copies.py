"""Which copy of a task the user holds: each form is tried in turn, and the one found is part of the data's identity."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.spec import DataMissing, Found, Task, UserError
from tasks.readers.popular import popular
from tasks.readers.prepared import prepared
from tasks.readers.raw import Recipe, found


def find(task: Task, data: Path) -> Found:
    """The first copy of a VTAB-1k task under a data folder: a vtab-1k folder, a prepared directory, the authors' files.

    Raises DataMissing saying what to put where, and UserError for a copy that is there and is not whole.
    """
    recipe: Recipe = task.facts["recipe"]
    return replace(first(task, recipe, data), train_images=1000, test_images=recipe.tests)


def first(task: Task, recipe: Recipe, data: Path) -> Found:
    """As `find`, without the counts."""
    held = popular(task, data)
    if held is not None:
        return held
    obstacle = None
    try:
        held = prepared(task, data)
    except UserError as error:  # often it stands beside the files it was made of, which can be read
        obstacle = error
    if held is not None:
        return held
    raw = recipe.raw(data)
    if raw is not None:
        return found(task, raw)
    raise obstacle or DataMissing(missing(task, data))


def missing(task: Task, data: Path) -> str:
    """One sentence: what is missing, where it is to be had, and where to put it."""
    recipe: Recipe = task.facts["recipe"]
    origin = recipe.origin
    by_hand = f" ({origin.manual})" if origin.manual else ""
    return (
        f"the images of {task.name} are not under {data}: put {origin.files} for {origin.title} ({origin.download}, "
        f"licence: {origin.licence}) from {origin.link} into {data / origin.folder}{by_hand}, "
        f"or a ready-made folder into {data / 'vtab-1k' / recipe.popular[0]}"
    )

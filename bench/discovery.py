"""Where methods and tasks come from: our own packages, and the entry points of other installed packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from bench.spec import UserError


def discover(package: str) -> None:
    """Imports one of our packages and whatever others offer in the entry-point group `head2head.<package>`.

    An error in our own is raised as it is. Raises UserError, which names the package, for one of another's.
    """
    importlib.import_module(package)
    for entry in entry_points(group=f"head2head.{package}"):
        load(entry)


def load(entry: EntryPoint) -> None:
    """Imports what an entry point names; it registers itself. Raises UserError where that fails."""
    try:
        entry.load()
    except Exception as error:
        owner = entry.dist.name if entry.dist else "unknown"
        raise UserError(
            f"the installed package {owner!r} is broken: its entry point {entry.name!r} ({entry.value}) fails with "
            f"{type(error).__name__}: {error}; mend it or uninstall it"
        ) from error


def import_all(package: str, path: Iterable[str]) -> None:
    """Imports every module of a package, so that each registers what it has; an error in one is raised."""
    for module in sorted(pkgutil.iter_modules(path), key=lambda found: found.name):
        importlib.import_module(f"{package}.{module.name}")

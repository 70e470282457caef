"""Methods that a notebook gives as objects or classes instead of names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

from bench.registry import METHODS
from bench.spec import Method, UserError
from bench.variants import settings, variant

MEMBERS = ("space", "choices", "quick", "frozen", "folds", "refusal", "passes", "fit", "restore")  # of every method


def enrol(given: Method | type[Method]) -> dict[str, Callable[[], Method]]:
    """A method that is an object or a class instead of a name, under its label: `lora:rank=2` for `LoRA(rank=2)`.

    A class that is not registered is, as an extra one, under `my_method` for `MyMethod`. Defined again, as happens in a
    notebook, it takes the place of the former. Raises UserError for what is no method, and for a name that is taken.
    """
    made = given() if isinstance(given, type) else given
    cls = type(made)
    lacks = [name for name in MEMBERS if not hasattr(cls, name)]
    if lacks or not dataclasses.is_dataclass(cls):
        raise UserError(
            f"{given!r} is no method; it is a dataclass that inherits bench.spec.Method"
            f"{', and lacks ' + ', '.join(lacks) if lacks else ''}"
        )
    name = registered(cls)
    return {":".join([name, *settings(made)]): lambda: made}


def registered(cls: type[Method]) -> str:
    """The name of a method's class, which is registered for it where it has none."""
    known = dict(METHODS.items())
    for name, other in known.items():
        if other is cls:
            return name
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
    if METHODS.is_reserved(name) or (name in known and known[name].__qualname__ != cls.__qualname__):
        raise UserError(f"the name {name!r} is taken; give the class {cls.__name__} another one")
    METHODS.replace(name, cls)
    METHODS.add_scheme(name, lambda text: variant(name, cls, text))
    return name

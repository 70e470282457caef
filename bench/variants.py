"""A method with other hyper-parameters than its defaults, as a name says them: `steps=5000:lr=0.1`."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from bench.spec import Method, UserError

KINDS: Mapping[str, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool, "None": type(None)}


def variant(name: str, cls: type[Method], text: str) -> type[Method]:
    """What, called as the class is, makes a method with the hyper-parameters of `steps=5000:lr=0.1`.

    Raises UserError for one that it has not, or that is of another type or negative.
    """
    known = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # the protocol says so
    chosen: dict[str, object] = {}
    for part in text.split(":"):
        key, equals, value = part.partition("=")
        if key not in known or not equals:
            raise UserError(
                f"{name} has no hyper-parameter in {part!r}; write {name}:NAME=VALUE with one of {[*known]}"
            )
        chosen[key] = literal(value)
        kinds = str(known[key].type).split(" | ")
        if set(kinds) <= set(KINDS) and not isinstance(chosen[key], tuple(KINDS[kind] for kind in kinds)):
            raise UserError(f"{key} of {name} is {' or '.join(kinds)}, not {value!r}; write {name}:{key}=VALUE")
        if isinstance(chosen[key], (int, float)) and cast(float, chosen[key]) < 0:
            raise UserError(f"{key} of {name} cannot be negative, as {value} is; write {name}:{key}=VALUE")
    made = partial(cls, **chosen)
    made()  # so that what it refuses is said before anything runs
    return cast(type[Method], made)


def literal(text: str) -> object:
    """A number, truth value, list or None where the text reads as one, else the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def settings(method: Method) -> list[str]:
    """`lr=0.1` for each hyper-parameter that differs from its default."""
    return [
        f"{field.name}={getattr(method, field.name)}"
        for field in dataclasses.fields(method)  # type: ignore[arg-type]  # the protocol asks for a dataclass
        if getattr(method, field.name) != default(field)
    ]


def default(field: dataclasses.Field[Any]) -> object:
    """The default of a field; MISSING where it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()

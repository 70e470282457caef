"""The two registries through which the harness meets methods and tasks, and how names and globs select from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Generic, TypeVar

from bench.discovery import discover
from bench.spec import Method, Task, UserError
from bench.variants import variant

FAMILIES = {
    "heads": "heads on a frozen network",
    "weights": "its own weights",
    "adapters": "adapters and prompts",
    "low_rank": "low rank and kin",
    "others": "others",
}  # of methods, in the order in which they are shown
ORACLE = " (oracle)"  # ends the label of a method whose hyper-parameters were chosen by the shifted test sets
STORED = " · "  # in the label of a method, before the format of its delta where that is not fp32
GROUPS = ("core", "all")  # names that select several items of any registry
SETTINGS = re.compile(r"(:\w+=[^:]*)+$")  # after the path in `csv:FILE:label=COLUMN`
T = TypeVar("T")
M = TypeVar("M", bound=type)


@dataclass(frozen=True)
class Label:
    """What a method is called in tables and records, parsed: `lora:rank=4 (oracle) · int8`."""

    text: str
    name: str  # in the registry
    fixed: frozenset[str] = frozenset()  # hyper-parameters that the label sets
    oracle: bool = False  # whether the shifted test sets chose the others

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Label:
        """The label as it is typed and recorded: NAME, or NAME:KEY=VALUE, with more of them after colons."""
        bare = fitted_as(text)
        name, *settings = bare.removesuffix(ORACLE).split(":")
        return cls(text, name, frozenset(part.partition("=")[0] for part in settings), bare.endswith(ORACLE))

    def as_oracle(self) -> Label:
        """The same method when the shifted test sets choose its hyper-parameters."""
        return replace(self, text=self.text + ORACLE, oracle=True)


def stored_as(text: str, store: str) -> str:
    """The label of a method whose delta is written in a format: `lora · int8`, and `lora` for fp32."""
    return text if store == "fp32" else f"{text}{STORED}{store}"


def fitted_as(text: str) -> str:
    """The label of a method without the format of its delta, which decides nothing of its fit."""
    return text.partition(STORED)[0]


class Registry(Generic[T]):
    """Named things of one kind, in the order in which they were added.

    Those of a package register themselves when it is imported, which is done when the registry is first asked.
    Where there are `families`, each item is of one of them, "others" by default, and a family's name selects its items.
    """

    def __init__(self, kind: str, package: str | None = None, families: Collection[str] = ()) -> None:
        self.kind = kind
        self.package = package
        self.families = families
        self._complete = package is None
        self._items: dict[str, T] = {}
        self._extra: set[str] = set()
        self._families: dict[str, str] = {}
        self._schemes: dict[str, Callable[[str], T]] = {}

    def add(self, name: str, item: T, *, extra: bool = False, family: str = "others") -> None:
        """Raises ValueError when the name is taken, and for a family that there is not.

        `core` selects all but what is `extra`.
        """
        if name in self._items:
            raise ValueError(f"two {self.kind}s are called {name!r}")
        if self.is_reserved(name):
            raise ValueError(f"a {self.kind} cannot be called {name!r}, which selects several")
        if self.families and family not in self.families:
            raise ValueError(f"{name!r} is of no family {family!r}; choose one of {', '.join(self.families)}")
        self._items[name] = item
        self._families[name] = family
        if extra:
            self._extra.add(name)

    def replace(self, name: str, item: T) -> None:
        """Adds an extra item, in place of the one that has the name."""
        self._items[name] = item
        self._extra.add(name)

    def family(self, name: str) -> str:
        """The family of a registered name, one of FAMILIES; that of a name that nothing has is "others"."""
        self._complete_once()
        return self._families.get(name, "others")

    def is_core(self, name: str) -> bool:
        """Whether `core` selects a registered name."""
        return name not in self._extra

    def by_family(self) -> dict[str, list[str]]:
        """The names of each family that has any, those of `core` first."""
        self._complete_once()
        found = {family: [name for name in self._items if self.family(name) == family] for family in self.families}
        return {family: sorted(names, key=self._extra.__contains__) for family, names in found.items() if names}

    def is_reserved(self, name: str) -> bool:
        """Whether a name selects several items, so that none can be called so."""
        return name in (*GROUPS, *self.families)

    def add_scheme(self, prefix: str, make: Callable[[str], T]) -> None:
        """Lets `prefix:TEXT` name an item that `make(TEXT)` creates."""
        self._schemes[prefix] = make

    def items(self) -> Iterator[tuple[str, T]]:
        """All names with what they name. Raises UserError where another installed package cannot be loaded."""
        self._complete_once()
        return iter(self._items.items())

    def select(self, patterns: Iterable[str]) -> dict[str, T]:
        """Items that match any of the names, families or globs (commas separate several), once each, in this order.

        Raises UserError for a pattern that matches nothing.
        """
        self._complete_once()
        chosen: dict[str, T] = {}
        for pattern in (part.strip() for text in patterns for part in self._apart(text)):
            if pattern:
                chosen.update(self._match(pattern))
        if not chosen:
            raise UserError(f"no {self.kind} was named; `list` shows them all")
        return chosen

    def _complete_once(self) -> None:
        """Lets everything register that there is; an error leaves it to be done again."""
        if self._complete or self.package is None:
            return
        self._complete = True  # before, because what is imported may ask
        try:
            discover(self.package)
        except BaseException:
            self._complete = False
            raise

    def _apart(self, text: str) -> list[str]:
        """The names in a text, between commas. A path after a prefix such as `folder:` may have commas itself."""
        prefix, _, rest = text.strip().partition(":")
        path = SETTINGS.sub("", rest)
        if prefix in self._schemes and "," in path and Path(path).expanduser().exists():
            return [text]
        return text.split(",")

    def _match(self, pattern: str) -> dict[str, T]:
        """Items that one name or glob selects."""
        prefix, colon, rest = pattern.partition(":")
        if colon and prefix in self._schemes:
            return {pattern: self._schemes[prefix](rest)}
        if pattern == "core":
            return {name: item for name, item in self._items.items() if self.is_core(name)}
        if pattern in self.families:
            return {name: self._items[name] for name in self.by_family().get(pattern, [])}
        found = {name: item for name, item in self._items.items() if matches(name, pattern)}
        if not found:
            raise UserError(self._unknown(pattern))
        if len(found) > 1 and all(pattern == short(name) for name in found):
            raise UserError(f"{pattern!r} is short for {' and for '.join(found)}; write which one")
        return found

    def _unknown(self, pattern: str) -> str:
        """What is said of a name that nothing has, with the nearest that something has."""
        known = sorted({*GROUPS, *self.families, *(alias for name in self._items for alias in aliases(name))})
        close = get_close_matches(pattern, known, n=1, cutoff=0.5)
        remedy = f"did you mean {close[0]!r}?" if close else "`list` shows them all"
        return f"no {self.kind} is called {pattern!r}; {remedy}"


def aliases(name: str) -> list[str]:
    """Every way to say a name: itself, the folders above it, and `suite/task` for `suite/group/task`."""
    parts = name.split("/")
    folders = ["/".join(parts[:depth]) for depth in range(1, len(parts))]
    return [name, *filter(None, [short(name)]), *folders]


def short(name: str) -> str | None:
    """`suite/task` for `suite/group/task`."""
    parts = name.split("/")
    return f"{parts[0]}/{parts[-1]}" if len(parts) > 2 else None


def matches(name: str, pattern: str) -> bool:
    """Whether a name or glob selects `name`; `all` selects everything, a folder all that is below it."""
    return pattern == "all" or any(fnmatchcase(alias, pattern) for alias in aliases(name))


METHODS: Registry[type[Method]] = Registry("method", "methods", FAMILIES)
TASKS: Registry[Task] = Registry("task", "tasks")


def method(name: str, *, family: str = "others", extra: bool = False) -> Callable[[M], M]:
    """Class decorator: registers a method under the name that people type, in one of FAMILIES.

    An `extra` one is costly or an ablation: it runs when it is named, or with `all`, but is not among `core`.
    `name:steps=5000:lr=0.1` is the same method with other hyper-parameters, beside the one with its defaults.
    """

    def register(cls: M) -> M:
        """Adds the class, which stays as it is."""
        METHODS.add(name, cls, extra=extra, family=family)
        METHODS.add_scheme(name, lambda text: variant(name, cls, text))
        return cls

    return register

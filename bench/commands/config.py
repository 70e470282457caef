"""The file of `--config`: flags in TOML, `image-size = 224`, for any command that has them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bench.commands.flags import FLAGS, number
from bench.spec import UserError

# By the type of a flag: what stands for it in TOML, and how a message names that.
KINDS: Mapping[Any, tuple[tuple[type, ...], str]] = {
    None: ((str,), "a text"),
    Path: ((str,), "a path, as a text"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    number: ((int, str), "a whole number or a text"),
    bool: ((bool,), "true or false"),
}
KEYS = [name for name in FLAGS if name != "config"]


def read(path: Path) -> dict[str, object]:
    """The values of flags in a file, by name. One file may serve all commands; each takes the flags that it has.

    Raises UserError when the file cannot be read, has a key that is no command's flag, or a value of another type.
    """
    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}); name a TOML file with --config") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f'{path} is not TOML ({error}); write lines such as: tasks = ["demo"]') from error
    values: dict[str, object] = {}
    for key, value in found.items():
        name = known(path, key)
        if name in values:
            raise UserError(f"{path}: {key} stands there twice, with - and with _; keep one")
        values[name] = checked(path, key, value, FLAGS[name])
    return values


def known(path: Path, key: str) -> str:
    """The name of the flag that a key stands for, with - or _. Raises UserError, which names the nearest."""
    name = key.replace("-", "_")
    if name in KEYS:
        return name
    close = get_close_matches(name, KEYS, n=1, cutoff=0.5)
    remedy = f"did you mean {close[0].replace('_', '-')!r}?" if close else "its keys are the names of flags"
    raise UserError(f"{path}: there is no flag {key!r}; {remedy}")


def checked(path: Path, key: str, value: object, flag: Mapping[str, Any]) -> object:
    """A value as the flag takes it: a list where the flag takes several. Raises UserError for one of another type."""
    kind = bool if flag.get("action") == "store_true" else flag.get("type")
    several = "nargs" in flag or flag.get("action") == "append"
    types, called = KINDS[kind]
    each: list[Any] = value if several and isinstance(value, list) else [value]
    for one in each:
        if not isinstance(one, types) or (isinstance(one, bool) and kind is not bool):
            raise UserError(f"{path}: {key} takes {called}{', or a list of them' if several else ''}, not {one!r}")
        if "choices" in flag and one not in flag["choices"]:
            raise UserError(f"{path}: {key} cannot be {one!r}; choose {' or '.join(flag['choices'])}")
    made = [Path(one) if kind is Path else one for one in each]
    return made if several else made[0]

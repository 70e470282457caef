"""What registers itself: modules of our packages, and entry points of others; a broken one is never skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.discovery import import_all
from bench.registry import Registry
from bench.spec import UserError


def package(folder: Path, name: str, source: str) -> None:
    """A package of one module."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").touch()
    (folder / name / "module.py").write_text(source)


def installed(folder: Path, name: str, group: str, value: str) -> None:
    """What says of an installed package that it has an entry point."""
    about = folder / f"{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[{group}]\nsome = {value}\n")


def test_a_broken_file_fails_loudly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "broken_package", "import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_all("broken_package", [str(tmp_path / "broken_package")])


def test_a_registry_fills_itself_when_it_is_first_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, "our_things", "")
    package(tmp_path, "their_things", "from tests.test_discovery import THINGS\nTHINGS.add('theirs', 1)\n")
    installed(tmp_path, "theirs", "head2head.our_things", "their_things.module")
    monkeypatch.syspath_prepend(tmp_path)
    assert list(THINGS.select(["theirs"])) == ["theirs"]
    assert list(THINGS.items()) == [("theirs", 1)]


THINGS: Registry[int] = Registry("thing", "our_things")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise RuntimeError('not today')", "RuntimeError: not today"),
        (
            "from bench.registry import Registry\nr = Registry('x')\nr.add('y', 1)\nr.add('y', 2)",
            "two xs are called 'y'",
        ),
    ],
)
def test_a_broken_package_is_named_each_time(
    source: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = f"broken_{len(source)}"  # Python remembers packages by name
    package(tmp_path, broken, source)
    package(tmp_path, "empty_things", "")
    installed(tmp_path, "their-broken-package", "head2head.empty_things", f"{broken}.module")
    monkeypatch.syspath_prepend(tmp_path)
    registry: Registry[int] = Registry("thing", "empty_things")
    for _ in range(2):
        with pytest.raises(
            UserError, match=r"package 'their-broken-package' is broken: its entry point 'some'"
        ) as error:
            registry.items()
        assert why in str(error.value)

"""`run_bench.py list`: the methods by family, and some in full."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, Group

from bench.commands.listing import details, families
from bench.registry import METHODS
from tests.command_line import bench

FAMILIES = list(METHODS.by_family())


def shown(parts: Group) -> list[str]:
    """The lines of a terminal that is 100 columns wide."""
    screen = io.StringIO()
    Console(file=screen, width=100).print(parts)
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_a_line_names_each_method_by_family_core_before_extra() -> None:
    lines = shown(Group(*families()))
    names = METHODS.by_family()
    assert [line.split()[0].rstrip(":") for line in lines] == [
        word for family, of_family in names.items() for word in (family, *of_family)
    ]
    kinds = [line.split()[1] for line in lines if line.split()[1] in ("core", "extra")]
    of_each = [["core" if METHODS.is_core(name) else "extra" for name in of_family] for of_family in names.values()]
    assert kinds == [kind for of_family in of_each for kind in sorted(of_family)]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_with_all_hyper_parameters_fits_a_screen(family: str) -> None:
    lines = shown(Group(*details(METHODS.select([family]))))
    assert len(lines) <= 30
    for name, make in METHODS.select([family]).items():
        own = lines[next(at for at, line in enumerate(lines) if line.startswith(f"{name} ")) :]
        for field, value in vars(make()).items():
            assert any(f"{field}={value}" in line for line in (*lines[:3], *own[:4])), f"{name} has no {field}={value}"


def test_what_a_label_sets_is_shown_and_what_is_shared_is_told_once() -> None:
    lines = shown(Group(*details(METHODS.select(["lora:rank=3", "knn", "fine_tune", "fine_tune:epochs=7:lr=0.5"]))))
    assert lines[0] == "heads: heads on a frozen network"
    assert any("rank=3" in line for line in lines)
    (shared,) = [at for at, line in enumerate(lines) if line.startswith("unless said otherwise lr=None, epochs=100")]
    of_variant = next(at for at, line in enumerate(lines) if line.startswith("fine_tune:epochs=7:lr=0.5"))
    assert shared < of_variant
    assert lines[of_variant + 1].strip() == "lr=0.5, epochs=7"


def test_the_command_takes_names_and_tells_of_wrong_ones() -> None:
    listed = bench("list", "heads,lora").stdout
    assert "linear_probe" in listed and "rank=8" in listed
    assert "fine_tune" not in listed and "demo/digits" not in listed
    assert "no method is called 'heds'; did you mean 'heads'?" in bench("list", "heds", code=2).stderr

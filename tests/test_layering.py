"""The plan of the house: an import only points down, and start-up stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

LAYERS = {
    0: [
        "spec",
    ],
    1: [
        "registry", "budget", "store", "weights", "download", "portable", "cache", "statistics", "decode", "replay",
        "answers", "unpack",
    ],
    2: [
        "device", "gpu", "meter", "data", "backbone", "taps", "pooling", "reading", "extraction", "shelf",
        "features", "probe", "heads", "selection", "train", "tuned", "selected", "judge", "lasso", "ridge", "kernel",
    ],
    3: [
        "plan", "provenance", "session", "search", "trial", "tune", "shares", "runner", "estimate", "report",
        "tracking", "progress", "datasets", "listing_taps", "request", "measuring", "commands", "screen", "export",
        "predict",
    ],
}  # fmt: skip
LAYER = {f"bench.{name}": layer for layer, names in LAYERS.items() for name in names}
HOME = {"timm": ["backbone"], "mlflow": ["tracking"], "matplotlib": ["report"], "optuna": ["spec", "search", "tune"]}


def sources() -> list[Path]:
    return [path for folder in ("bench", "methods", "tasks") for path in sorted((REPOSITORY / folder).rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; `from bench import data` counts as `bench.data`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (submodules if node.module == "bench" else [node.module])


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts[:2])


def layer_of(module: str) -> int | None:
    """The layer of one of our modules, None for anybody else's."""
    top = module.split(".")[0]
    if top in ("methods", "tasks"):
        return 4
    if top != "bench" or module in ("bench", "bench.__init__"):
        return None
    return LAYER[".".join(module.split(".")[:2])]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_point_down(path: Path) -> None:
    module = module_of(path)
    own = layer_of(module)
    for other in imports(path):
        theirs = layer_of(other)
        if own is None or theirs is None or other.startswith(module):
            continue
        same_package = own == 4 and other.split(".")[0] == module.split(".")[0]
        assert theirs <= own, f"{module} (layer {own}) imports {other} (layer {theirs})"
        assert theirs != 4 or same_package, f"{module} imports {other}: methods and tasks never meet"
        assert own != 4 or theirs != 3, f"{module} imports {other}: methods and tasks do not know the runner"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_heavy_libraries_have_one_home(path: Path) -> None:
    module = module_of(path)
    for other in imports(path):
        library = other.split(".")[0]
        if library in HOME and module.startswith("bench."):
            assert module.split(".")[1] in HOME[library], f"{module} imports {library}"
        if library == "torch" and module.startswith("bench."):
            assert LAYER[module] >= 2 or "TYPE_CHECKING" in path.read_text(), f"{module} imports torch"


def test_no_import_cycles() -> None:
    edges = {module_of(path): {o for o in imports(path) if o in LAYER} for path in sources() if "bench" in path.parts}
    edges = {module: targets - {module} for module, targets in edges.items()}
    while leaves := [module for module, targets in edges.items() if not targets & edges.keys()]:
        for leaf in leaves:
            del edges[leaf]
    assert not edges, f"these import each other: {sorted(edges)}"


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_help_and_list_do_without_heavy_libraries(arguments: list[str]) -> None:
    code = (
        "import sys, run_bench; sys.argv = ['run_bench.py', *sys.argv[1:]]\n"
        "try:\n run_bench.main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'timm', 'mlflow', 'matplotlib', 'peft', 'tensorflow'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert not done.stderr

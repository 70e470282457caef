"""Head2Head, for notebooks and scripts: `compare`, `open_results`, `load_winner`. See docs/tour.ipynb.

import bench

found = bench.compare(methods=["linear_probe", "lora"], tasks="demo/digits", seeds=3)
found.frame()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bench.openmp import wait_briefly

if TYPE_CHECKING:
    from bench.api import compare, load_winner, open_results
    from bench.api.results import Results
    from bench.api.winner import Winner

__all__ = ["Results", "Winner", "compare", "load_winner", "open_results"]

wait_briefly()  # here, because every way in passes here before torch is imported


def __getattr__(name: str) -> Any:
    """The API is imported when it is first used: pandas takes a while, and the command line does without it."""
    if name in __all__:
        return getattr(import_module("bench.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, *globals()]

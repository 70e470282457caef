"""What a notebook calls: compare methods, read results, use the winner. Nothing is printed unless it is asked for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any

from bench.api.enrol import enrol
from bench.api.results import Results
from bench.api.winner import Winner
from bench.records.cells import Observer
from bench.records.request import AUGMENTS, SAMPLERS, STORES, Request
from bench.registry import METHODS, TASKS
from bench.runs.comparison import Comparison, Outcome, opened
from bench.runs.progress import Progress
from bench.spec import BackboneSpec, Method, Task, UserError
from bench.tracking import Tracker

__all__ = ["Results", "Winner", "compare", "load_winner", "open_results"]
StrPath = str | PathLike[str]
warnings.filterwarnings("ignore", "IProgress not found")  # of tqdm, when Optuna is imported without ipywidgets


def compare(
    methods: str | Method | type[Method] | Iterable[str | Method | type[Method]] = "core",
    tasks: str | Task | Iterable[str | Task] = "demo",
    backbones: str | BackboneSpec | Iterable[str | BackboneSpec] = "demo",
    *,
    seeds: int | Sequence[int] = 1,
    effort: str | None = None,
    augment: str = AUGMENTS[0],
    store: str = STORES[0],
    tune: int | str | None = None,
    budget: str | Sequence[str] | None = None,
    results: StrPath = "results/run",
    data: StrPath = "data",
    sampler: str = SAMPLERS[0],
    oracle: bool = False,
    storage: str | None = None,
    memory_limit: str | None = None,
    device: str = "auto",
    workers: int | str | None = None,
    cluster: str | None = None,
    force: bool = False,
    track: bool = True,
    progress: bool = False,
    observers: Sequence[Observer] = (),
) -> Results:
    """Runs every method on every task with every backbone, but for what `results` has already; returns all results.

    Methods and tasks are names, globs and objects: `["core", MyMethod(lr=0.1)]`. `seeds=3` stands for 0, 1 and 2.
    `effort` is "quick" or "paper", of the methods' own recipes; None leaves it to the tasks. `store` is the format in
    which each delta is written. `tune` is a number of trials a method, or "auto": as many as the budget allows.
    `budget` is of all runs into `results`: "2h", or ["2h", "5PFLOP"]. `track` mirrors each record in MLflow. `progress`
    shows a bar and a line a cell on stderr, and each of the `observers` is called with every record once it is written.
    The other arguments are the flags of the command line.

    Cells that failed do not raise; `Results.outcome` counts them. Raises UserError for a name that nothing has, for
    wrong limits, and when nothing can run.
    """
    request = Request(
        seeds=whole_numbers(seeds), effort=effort, augment=augment, store=store, tune=tune, sampler=sampler,
        oracle=oracle, storage=storage, data=Path(data), results=Path(results),
        budget=[str(one) for one in each(budget or ())], memory_limit=memory_limit, device=device, workers=workers,
        cluster=cluster, force=force,
    )  # fmt: skip
    specs = [one if isinstance(one, BackboneSpec) else BackboneSpec(str(one)) for one in each(backbones)]
    asked = Comparison(request, methods_of(each(methods)), tasks_of(each(tasks)), specs)
    return Results(request.results, work(asked, observers, track, progress))


def work(asked: Comparison, observers: Sequence[Observer], track: bool, progress: bool) -> Outcome:
    """Does what is left of a comparison. Raises UserError when nothing can run."""
    plan = asked.plan()
    if not plan.cells:
        raise UserError(
            "; ".join(plan.missing.values()) or "nothing was asked for; name a method, a task and a backbone"
        )
    with Tracker(asked.request.results) as tracker, opened(asked.request, plan) as run:
        if track and run.todo:
            tracker.start(len(run.store.results()))
        with Progress(run.todo) if progress else nullcontext() as bar:
            run.work([*([bar] if bar else []), tracker, *observers])
        return run.outcome()


def open_results(folder: StrPath) -> Results:
    """The results in a folder, to read. Raises UserError when it has none."""
    found = Results(folder)
    if not found.store.results():
        raise UserError(f"there are no results in {folder}; name the folder of a comparison")
    return found


def load_winner(folder: StrPath, *, checkpoint: StrPath | None = None, device: str = "auto") -> Winner:
    """What `Results.export` wrote, ready for use. `checkpoint` is the backbone's file, where that has moved.

    Raises UserError when the folder is not an export or is damaged, and when the backbone's weights are others.
    """
    from bench.predict import load_adapted  # here, so that results are read without torch

    return Winner(load_adapted(Path(folder), Path(checkpoint) if checkpoint else None, device))


def each(given: Any) -> list[Any]:
    """One thing, or several, as a list."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]


def whole_numbers(seeds: Any) -> list[int]:
    """Seeds 0 to n - 1 of a number n, or the seeds that are named. Raises UserError for what is no whole number."""
    several = isinstance(seeds, Iterable) and not isinstance(seeds, str)
    try:
        return [index(seed) for seed in seeds] if several else list(range(index(seeds)))
    except TypeError as error:
        raise UserError(
            f"seeds={seeds!r} is no whole number, nor several; write seeds=3, or seeds=[0, 1, 2]"
        ) from error


def methods_of(asked: Iterable[str | Method | type[Method]]) -> Mapping[str, Callable[[], Method]]:
    """Methods by label, of names, globs and objects."""
    chosen: dict[str, Callable[[], Method]] = {}
    for one in asked:
        chosen |= METHODS.select([one]) if isinstance(one, str) else enrol(one)
    return chosen


def tasks_of(asked: Iterable[str | Task]) -> Mapping[str, Task]:
    """Tasks by name, of names, globs and objects."""
    chosen: dict[str, Task] = {}
    for one in asked:
        chosen |= {one.name: one} if isinstance(one, Task) else TASKS.select([str(one)])
    return chosen

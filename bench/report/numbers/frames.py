"""Records and figures as pandas frames: what a notebook works with, and what table.csv holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from pandas import DataFrame

from bench.records.cells import CellResult, Cost
from bench.records.studies import Trial, studies
from bench.report.numbers.evidence import images, task_interval
from bench.report.numbers.grid import Grid, current, ordered
from bench.report.numbers.metrics import METRICS, Predictions
from bench.report.numbers.settings import computed, suite
from bench.report.numbers.shifts import robustness
from bench.statistics import spread

COSTS = tuple(field.name for field in fields(Cost))
WHERE = ("task", "group", "suite", "method", "backbone", "seed")
CELLS = (
    *WHERE,
    "test_set",
    "accuracy",
    *METRICS,
    "status",
    "reason",
    *COSTS,
    "test_images",
    "device",
    "precision",
    "started",
)
TRIALS = (
    *WHERE,
    "study",
    "trial",
    "default",
    "val",
    "test",
    "status",
    "reason",
    *COSTS,
    "device",
    "precision",
    "started",
)
MEAN_COSTS = (
    "train_flops", "tune_flops", "stored_params", "stored_bytes", "train_seconds", "tune_seconds", "eval_seconds",
    "peak_bytes",
)  # fmt: skip
FIGURES = (
    "suite", "backbone", "group", "task", "method", "test_set", "accuracy_mean", "accuracy_std", "seeds",
    "accuracy_median", "interval_low", "interval_high", "interval_covers", "test_images", *MEAN_COSTS,
    "effective_robustness",
)  # fmt: skip


def cell_frame(results: Iterable[CellResult], folder: Path | None = None) -> DataFrame:
    """One row for each final cell and each set of images it has an accuracy on, such as `test` and `ood/noisy`.

    Accuracies are fractions, and so are the other metrics. These are computed from the predictions in the results
    `folder`, and are NaN where it is not given or the cell kept none. A cell that failed or was skipped has one row
    without a test set. Costs are columns named as the fields of `Cost`. Each hyper-parameter is a column
    `params.<name>`. The last column is the cell's key. Of several records of one cell the newest finished one counts.
    """
    predictions = Predictions(folder)
    return tidy(CELLS, [row for result in current(results) for row in cell_rows(result, predictions)])


def cell_rows(result: CellResult, predictions: Predictions) -> Iterator[dict[str, Any]]:
    """The rows of one final cell."""
    facts, beside = record(result), predictions.metrics(result)
    for test, value in result.accuracy.items():
        images = result.data.test_counts.get(test)
        yield {**facts, "test_set": test, "accuracy": value, **beside.get(test, {}), "test_images": images}
    if not result.accuracy:
        yield facts


def trial_frame(results: Iterable[CellResult]) -> DataFrame:
    """One row for each trial of each study, in the order of the store; columns as those of `cell_frame`.

    `val` is the validation accuracy that the search saw. `test` is the test accuracy of the trial's replay. Only trials
    that led their study for a while have one. Of several records of one trial the newest counts, but a finished one is
    not displaced.
    """
    results = list(results)
    known = {(study.name, trial.number): trial for study in studies(results) for trial in study.trials}
    chosen: dict[tuple[str, int], CellResult] = {}
    for result in results:
        if result.stage == "trial" and result.trial is not None:
            place = (result.trial.study, result.trial.number)
            if place not in chosen or chosen[place].status != "done":
                chosen[place] = result
    return tidy(TRIALS, [trial_row(result, known[place]) for place, result in chosen.items()])


def trial_row(result: CellResult, trial: Trial) -> dict[str, Any]:
    """The row of one trial."""
    study = result.trial.study if result.trial else None
    told = {"study": study, "trial": trial.number, "default": trial.default, "val": trial.val, "test": trial.test}
    return {**record(result), **told}


def record(result: CellResult) -> dict[str, Any]:
    """What a cell and a trial have in common."""
    names = ("task", "group", "method", "backbone", "seed", "status", "reason", "started", "key")
    told = {name: getattr(result, name) for name in names}
    told |= {"suite": suite(result.task), "device": result.environment.device, "precision": computed(result)[1]}
    return told | asdict(result.cost) | {f"params.{name}": value for name, value in result.params.items()}


def tidy(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> DataFrame:
    """Rows under these columns, then the hyper-parameters by name, then the key."""
    params = sorted({name for row in rows for name in row if name.startswith("params.")})
    return DataFrame(rows, columns=[*columns, *params, "key"])


def figure_frame(found: Iterable[Grid]) -> DataFrame:
    """One row for each method, task and test set: what `table.csv` holds.

    Accuracies and intervals are fractions, costs FLOPs, bytes and seconds, all unrounded and over the seeds. What is
    missing is empty. Effective robustness is of shifted test sets alone.
    """
    rows = [row for grid in found for method, task in grid.cells for row in figure_rows(grid, method, task)]
    return DataFrame(rows, columns=FIGURES).astype({"test_images": "Int64"})


def figure_rows(grid: Grid, method: str, task: str) -> Iterator[dict[str, Any]]:
    """The rows of one method on one task, one for each test set."""
    cells = grid.cells[method, task]
    place = {"suite": grid.suite, "backbone": grid.backbone, "group": grid.groups[task], "task": task, "method": method}
    costs = {field: grid.cost(method, field, (task,)) for field in MEAN_COSTS}
    for test in ordered(name for cell in cells for name in cell.accuracy):
        if score := grid.score(method, task, test):
            values = list(grid.accuracies(method, task, test).values())
            row = {"test_set": test, "accuracy_mean": score.mean, "accuracy_std": score.std, "seeds": len(values)}
            row |= {"accuracy_median": spread(values).median, "test_images": images(cells, test)}
            if sure := task_interval(grid, method, task, test):
                covers = "+".join(sure.covers)
                row |= {"interval_low": sure.low, "interval_high": sure.high, "interval_covers": covers}
            if test.startswith("ood/"):
                row["effective_robustness"] = robustness(grid, task, (test,)).get(method)
            yield place | row | costs

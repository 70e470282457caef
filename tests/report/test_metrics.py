"""Metrics beside accuracy are scikit-learn's, or None where they are not defined; a lost file costs them alone."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sklearn

from bench.api import open_results
from bench.commands.parser import parse
from bench.commands.report import main as report_command
from bench.records.cells import CellResult
from bench.records.correct import pack
from bench.records.predictions import Judged, Predicted, files_of, keep
from bench.records.request import METRICS as NAMES
from bench.records.store import Store
from bench.report import write_report
from bench.report.numbers.grid import grids
from bench.report.numbers.metrics import METRICS, Predictions, confusion, metrics
from bench.report.tables.metric import metric_table
from tests.synthetic import result


def judged(images: int, classes: int, seed: int = 0) -> Judged:
    """Answers of which most are right, and how probable they are."""
    random = np.random.default_rng(seed)
    scores = (
        random.normal(size=(images, classes)) + 1.5 * np.eye(classes)[labels := random.integers(0, classes, images)]
    )
    chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return Judged(scores.argmax(1), (1 - chances.max(1)).astype(np.float16), labels)


def kept(folder: Path, one: Judged, **changes: object) -> CellResult:
    """A record of these answers, which are kept, in a store."""
    right = one.classes == one.labels
    base = result(accuracy={"test": float(right.mean())}, correct={"test": pack(right)}, **changes)
    base = replace(base, data=replace(base.data, fingerprint=base.task, test_counts={"test": len(right)}))
    held = keep(folder, base, {"test": Predicted(one.classes, one.doubt)}, {"test": one.labels})
    Store(folder).append(made := replace(base, predictions=held))
    return made


def test_the_names_are_those_of_the_flag() -> None:
    assert tuple(METRICS) == NAMES[1:]


@pytest.mark.parametrize("classes", [2, 7])
def test_metrics_agree_with_scikit_learn_called_by_hand(classes: int) -> None:
    one = judged(600, classes)
    found = metrics(one)
    assert found["balanced_accuracy"] == pytest.approx(sklearn.balanced_accuracy_score(one.labels, one.classes))
    assert found["macro_f1"] == pytest.approx(sklearn.f1_score(one.labels, one.classes, average="macro"))
    table = sklearn.confusion_matrix(one.labels, one.classes)
    assert found["worst_class"] == pytest.approx((table.diagonal() / table.sum(1)).min())
    assert (confusion(one, classes) == table).all()
    if classes == 2:
        scores = np.where(one.classes == 1, 1 - one.doubt.astype(float), one.doubt.astype(float))
        assert found["auroc"] == pytest.approx(sklearn.roc_auc_score(one.labels, scores))
    else:
        assert found["auroc"] is None


def test_half_precision_hardly_moves_the_area_under_the_curve() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 5000)
    chance = 1 / (1 + np.exp(-8 * (labels - 0.5) - 4 * random.normal(size=5000)))  # very sure mostly
    doubt = np.minimum(chance, 1 - chance).astype(np.float16)
    found = metrics(Judged((chance > 0.5).astype(int), doubt, labels))
    assert found["auroc"] == pytest.approx(sklearn.roc_auc_score(labels, chance), abs=1e-4)


def test_the_calibration_error_is_that_of_its_definition() -> None:
    one = judged(500, 4)
    sure, right, error = 1 - one.doubt.astype(float), one.classes == one.labels, 0.0
    for low in np.arange(15) / 15:
        inside = (sure > low) & (sure <= low + 1 / 15)
        if inside.any():
            error += inside.mean() * abs(sure[inside].mean() - right[inside].mean())
    assert metrics(one)["calibration_error"] == pytest.approx(error)
    honest = Judged(np.zeros(100, int), np.full(100, 0.25, np.float16), np.repeat([0, 1], [75, 25]))
    assert metrics(honest)["calibration_error"] == pytest.approx(0)


def test_what_is_not_defined_is_none() -> None:
    lone = Judged(np.zeros(5, int), np.full(5, np.nan, np.float16), np.zeros(5, int))
    assert metrics(lone) == {
        "balanced_accuracy": 1.0, "macro_f1": 1.0, "worst_class": 1.0, "auroc": None, "calibration_error": None,
    }  # fmt: skip
    assert set(metrics(Judged(*[np.zeros(0, int)] * 3)).values()) == {None}


def test_a_class_without_a_test_image_is_in_no_mean() -> None:
    one = Judged(np.array([0, 2, 1, 1]), np.zeros(4, np.float16), np.array([0, 0, 1, 1]))
    assert metrics(one)["balanced_accuracy"] == 0.75


def test_the_frame_has_all_metrics_and_older_records_have_none(tmp_path: Path) -> None:
    one = judged(400, 2)
    kept(tmp_path, one)
    Store(tmp_path).append(result("lora"))
    frame = open_results(tmp_path).frame().set_index("method")
    for name, value in metrics(one).items():
        assert frame.loc["linear_probe", name] == pytest.approx(value)
        assert frame.loc["lora", name].isna().all()


def test_a_lost_file_costs_the_metrics_alone_and_is_named(tmp_path: Path) -> None:
    made = kept(tmp_path, judged(400, 3))
    files_of(tmp_path, made)[0].write_bytes(b"torn")
    assert Predictions(tmp_path).metrics(made) == {}
    (line,) = [line for line in write_report(tmp_path).summary.lines if "metrics" in line]
    assert line.startswith("no metrics beside accuracy of 1 cell: predictions/") and line.endswith("missing or damaged")
    assert math.isnan(open_results(tmp_path).frame()["macro_f1"].iloc[0])


def test_a_table_has_the_metric_the_mean_and_a_dash(tmp_path: Path) -> None:
    found = [judged(300, 3, seed) for seed in range(2)]
    for number, one in enumerate(found):
        kept(tmp_path, one, task=f"demo/task_{number}", key=str(number))
    for number in range(2):
        Store(tmp_path).append(result("lora", f"demo/task_{number}"))
    (grid,) = grids(Store(tmp_path).results())
    made = metric_table(grid, Predictions(tmp_path), "worst_class")
    assert made is not None and made.title.startswith("Accuracy of the worst class, %: demo suite")
    values = [metrics(one)["worst_class"] or 0.0 for one in found]
    assert made.values["linear_probe"].tolist() == pytest.approx([*values, sum(values) / 2])
    assert made.text["lora"].tolist() == ["–"] * 3
    assert metric_table(grid, Predictions(tmp_path), "accuracy") is None


def test_of_calibration_errors_the_smallest_is_best(tmp_path: Path) -> None:
    true = np.repeat([0, 1], 50)
    for method, doubt in {"linear_probe": 0.0, "lora": 0.5}.items():
        kept(tmp_path, Judged(true, np.full(100, doubt, np.float16), true), method=method, key=method)
    (grid,) = grids(Store(tmp_path).results())
    made = metric_table(grid, Predictions(tmp_path), "calibration_error")
    assert made is not None and made.place.loc[:, "linear_probe"].tolist() == [1, 1]


def test_report_shows_the_metric_and_accuracy_stays_the_headline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    kept(tmp_path, judged(300, 3))
    Store(tmp_path).append(result("lora"))
    _, asked = parse(["report", "--results", str(tmp_path), "--metric", "balanced_accuracy"])
    assert report_command(asked) == 0
    shown = capsys.readouterr().out
    assert shown.index("Test accuracy, %") < shown.index("Mean per-class accuracy, %")
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Mean per-class accuracy, %" in page
    assert "Mean per-class" not in (write_report(tmp_path).summary.parts[-1].overview.title)

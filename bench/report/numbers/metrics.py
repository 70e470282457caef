"""Metrics beside accuracy, computed by scikit-learn from what final cells predicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.records.cells import CellResult
from bench.records.predictions import Judged, Lost, read
from bench.report.numbers.units import counted

Figures = Mapping[str, float | None]  # by the metric's name

METRICS: Mapping[str, str] = {
    "balanced_accuracy": "mean per-class accuracy",
    "macro_f1": "macro-F1",
    "worst_class": "accuracy of the worst class",
    "auroc": "area under the ROC curve, of two classes",
    "calibration_error": "expected calibration error",
}
SMALL_IS_GOOD = frozenset({"calibration_error"})
BINS = 15  # of equal width, for the calibration error


def metrics(judged: Judged) -> dict[str, float | None]:
    """Every metric of one test set, a fraction; None where it is not defined.

    Classes without a test image are in no mean over classes. macro-F1 is scikit-learn's: over the classes that occur
    among labels or predictions.
    """
    from sklearn.metrics import f1_score, recall_score  # here: it takes a second to import

    true, found = judged.labels, judged.classes
    if not len(true):
        return dict.fromkeys(METRICS)
    recalls = recall_score(true, found, labels=np.unique(true), average=None, zero_division=0.0)
    return {
        "balanced_accuracy": float(recalls.mean()),
        "macro_f1": float(f1_score(true, found, average="macro", zero_division=0.0)),
        "worst_class": float(recalls.min()),
        "auroc": auroc(judged),
        "calibration_error": calibration_error(judged),
    }


def auroc(judged: Judged) -> float | None:
    """The area under the ROC curve of class 1; None unless classes 0 and 1 alone occur, and both among the labels."""
    from sklearn.metrics import roc_auc_score

    if set(np.unique(judged.labels)) != {0, 1} or judged.classes.max() > 1 or np.isnan(judged.doubt).any():
        return None
    doubt = judged.doubt.astype(float)
    return float(roc_auc_score(judged.labels, np.where(judged.classes == 1, 1 - doubt, doubt)))


def calibration_error(judged: Judged) -> float | None:
    """How far the probability of the answer is from how often it is right, mean over the images; None with a NaN.

    The probability is a softmax of the scores. The images are in 15 bins of equal width by it; in each the mean
    probability is compared with the accuracy. Source: Guo et al. 2017, "On Calibration of Modern Neural Networks",
    equation 3.
    """
    if np.isnan(judged.doubt).any():
        return None
    sure, right = 1 - judged.doubt.astype(float), judged.classes == judged.labels
    bins = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)  # (0, 1/15], (1/15, 2/15], …
    gap = np.bincount(bins, sure, BINS) - np.bincount(bins, right, BINS)
    return float(np.abs(gap).sum() / len(sure))


def confusion(judged: Judged, classes: int) -> NDArray[np.int64]:
    """How many images of each class (rows) were taken for each class (columns): (classes, classes)."""
    from sklearn.metrics import confusion_matrix

    found: NDArray[np.int64] = confusion_matrix(judged.labels, judged.classes, labels=np.arange(classes))
    return found


@dataclass(frozen=True)
class Predictions:
    """What the cells of a results folder predicted, read when it is asked for."""

    folder: Path | None = None  # None: nothing is known

    def judged(self, record: CellResult) -> dict[str, Judged]:
        """By test set; empty where nothing was kept, or what was kept is lost."""
        try:
            return read(self.folder, record) if self.folder is not None else {}
        except Lost:
            return {}

    def metrics(self, record: CellResult) -> dict[str, Figures]:
        """Every metric by test set."""
        return {name: metrics(one) for name, one in self.judged(record).items()}

    def lost(self, records: Iterable[CellResult]) -> list[str]:
        """One sentence on predictions that were kept and cannot be read, if there are any."""
        reasons = []
        for record in records if self.folder is not None else ():
            try:
                read(self.folder or Path(), record)
            except Lost as lost:
                reasons.append(str(lost))
        if not reasons:
            return []
        return [f"no metrics beside accuracy of {counted(len(reasons), 'cell')}: {reasons[0]}"]

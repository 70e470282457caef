"""The embedded suite: drawn the same every time, balanced, split honestly, never changed unnoticed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from bench.registry import TASKS
from bench.spec import Data, Task
from tasks import demo

NAMES = ["digits", "textures", "cells", "position", "orientation", "count", "distance"]


def row(name: str) -> Task:
    return TASKS.select([f"demo/{name}"])[f"demo/{name}"]


@lru_cache
def drawn(name: str) -> Data:
    return row(name).find(Path("nowhere")).load()


def pixels(images: object) -> np.ndarray:
    assert isinstance(images, demo.Drawn)
    return images.pixels()


def test_suite_is_registered() -> None:
    assert list(TASKS.select(["demo"])) == [f"demo/{name}" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_splits_have_the_stated_shape(name: str) -> None:
    data, task = drawn(name), row(name)
    assert data.train.validation == 200
    assert len(data.train.images) == len(data.train.labels) == 1000
    for split in (data.train, *data.tests.values()):
        assert split.labels.dtype == np.int64
        assert split.classes == task.classes
        assert set(np.unique(split.labels)) == set(range(task.classes))
        assert pixels(split.images).shape == (len(split.labels), 32, 32, 3)
        assert split.images.decode(0).dtype == np.uint8
        assert split.images in {split.images}  # hashable: features are kept by their images
    assert task.size == f"800 + 200 / {len(data.tests['test'].labels):,}"


@pytest.mark.parametrize("name", NAMES)
def test_labels_are_about_balanced(name: str) -> None:
    for split in (drawn(name).train, drawn(name).tests["test"]):
        counts = np.bincount(split.labels, minlength=split.classes)
        fair = len(split.labels) / split.classes
        assert (np.abs(counts - fair) < 5 * np.sqrt(fair)).all()


def test_the_scans_are_those_that_scikit_learn_loads() -> None:
    from sklearn.datasets import load_digits  # here, because it is slow to import

    images, labels = load_digits(return_X_y=True)
    order = demo.seeded("demo/digits", "order").permutation(len(labels))
    read, told = demo.scans()
    assert read.dtype == images.dtype and np.array_equal(read, images[order].reshape(-1, 8, 8))
    assert told.dtype == np.int64 and np.array_equal(told, labels[order])


@pytest.mark.parametrize("name", ["digits", "position"])  # the two ways to load; drawing is the same for all
def test_drawing_is_deterministic(name: str) -> None:
    again, first = row(name).find(Path("elsewhere")).load(), drawn(name)
    assert np.array_equal(pixels(again.train.images), pixels(first.train.images))
    assert np.array_equal(again.train.labels, first.train.labels)
    for test, split in again.tests.items():
        assert np.array_equal(pixels(split.images), pixels(first.tests[test].images))


def test_no_digit_is_in_both_splits() -> None:
    train, test = demo.digits_of("train"), demo.digits_of("test")
    assert len(set(train)) == 1000
    assert len(set(test)) == 797
    assert not set(train) & set(test)


def test_no_picture_is_in_both_splits() -> None:
    for name in NAMES:
        data = drawn(name)
        train = {image.tobytes() for image in pixels(data.train.images)}
        assert not train & {image.tobytes() for image in pixels(data.tests["test"].images)}


def test_digits_bring_shifted_tests() -> None:
    data = drawn("digits")
    assert list(data.tests) == ["test", "ood/inverted", "ood/noisy", "ood/rotated"]
    plain, inverted = (pixels(data.tests[name].images).astype(int) for name in ("test", "ood/inverted"))
    assert (plain + inverted == 255).all()


# Mean and spread of the pixels, and the mean of the labels, of train and test. A change here is another data set:
# raise `demo.DRAWING`, so that no stored result is taken for one on the new pictures.
PINNED = {
    "digits": (101.930, 60.006, 107.701, 4.548, 102.986, 60.203, 109.137, 4.419),
    "textures": (112.711, 42.620, 111.348, 4.449, 112.338, 42.658, 111.657, 4.523),
    "cells": (152.512, 89.896, 147.746, 1.962, 156.487, 88.875, 156.216, 1.939),
    "position": (99.933, 57.627, 103.624, 3.572, 100.701, 57.276, 101.252, 3.335),
    "orientation": (101.455, 59.225, 102.870, 3.510, 102.529, 59.118, 105.345, 3.518),
    "count": (123.244, 52.584, 125.154, 2.514, 122.305, 52.367, 121.837, 2.477),
    "distance": (104.373, 51.909, 101.307, 2.564, 106.087, 51.421, 105.603, 2.523),
}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_are_those_of_the_fingerprint(name: str) -> None:
    data = drawn(name)
    summary: list[float] = []
    for split in (data.train, data.tests["test"]):
        image = pixels(split.images)
        summary += [image.mean(), image.std(), image[::7, 5:20, 9:25].mean(), split.labels.mean()]
    assert row(name).find(Path()).fingerprint == f"demo/{name}@{demo.DRAWING}"
    assert summary == pytest.approx(PINNED[name], abs=0.01)

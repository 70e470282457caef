"""Predictions beside the records: small, whole or named as lost, and tied to the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.records import predictions
from bench.records.cells import CellResult
from bench.records.correct import pack
from bench.records.predictions import Lost, Predicted, files_of, keep, read
from tests.synthetic import result

RIGHT_OF = 0.75  # share of the images that are classified correctly


def kept(folder: Path, images: int, classes: int, seed: int = 0, **changes: object) -> CellResult:
    """A record whose predictions are kept: of one test set and a shifted one, three in four right."""
    random, predicted, labels, right = np.random.default_rng(seed), {}, {}, {}
    for name in ("test", "ood/noisy"):
        true = random.integers(0, classes, images)
        guessed = np.where(random.random(images) < RIGHT_OF, true, random.integers(0, classes, images))
        doubt = random.beta(0.5, 1.5, images).astype(np.float32)
        predicted[name], labels[name], right[name] = Predicted(guessed, doubt), true, pack(guessed == true)
    base = result(accuracy={"test": RIGHT_OF}, **changes)
    base = replace(
        base, correct=right, data=replace(base.data, fingerprint="f", test_counts=dict.fromkeys(right, images))
    )
    return replace(base, predictions=keep(folder, base, predicted, labels))


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    record = kept(tmp_path, 500, 300)
    found = read(tmp_path, record)
    random = np.random.default_rng(0)
    for name in ("test", "ood/noisy"):
        true = random.integers(0, 300, 500)
        guessed = np.where(random.random(500) < RIGHT_OF, true, random.integers(0, 300, 500))
        doubt = random.beta(0.5, 1.5, 500)
        assert (found[name].labels == true).all() and (found[name].classes == guessed).all()
        assert found[name].doubt.astype(float) == pytest.approx(doubt, rel=1e-3, abs=1e-7)


def test_older_records_have_none(tmp_path: Path) -> None:
    assert read(tmp_path, replace(kept(tmp_path, 20, 3), predictions=None)) == {}


def test_cells_on_the_same_images_share_their_labels(tmp_path: Path) -> None:
    first, second = kept(tmp_path, 50, 4), kept(tmp_path, 50, 4, method="lora", key="other")
    assert len(list((tmp_path / "labels").iterdir())) == 1 and len(list((tmp_path / "predictions").iterdir())) == 2
    assert read(tmp_path, first).keys() == read(tmp_path, second).keys()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("harm", [Path.unlink, cut, flipped, lambda path: path.write_bytes(b"")])
def test_a_damaged_file_is_named(tmp_path: Path, harm: Callable[[Path], None], place: int) -> None:
    record = kept(tmp_path, 400, 9)
    path = files_of(tmp_path, record)[place]
    harm(path)
    with pytest.raises(Lost, match=f"{path.parent.name}/.+ is missing or damaged"):
        read(tmp_path, record)


def test_labels_of_other_images_are_refused(tmp_path: Path) -> None:
    record = kept(tmp_path, 400, 9)
    kept(tmp_path, 400, 9, seed=1, key="other")
    with pytest.raises(Lost, match="other labels"):
        read(tmp_path, record)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "bad.npz", thing=np.array([{"any": "object"}], object))
    assert predictions.arrays_of(tmp_path / "bad.npz") == {}


def test_a_full_disk_costs_the_predictions_alone(tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("no folder")
    assert kept(tmp_path, 20, 3).predictions is None


def test_predictions_of_750_000_images_take_less_than_3_mb(tmp_path: Path) -> None:
    record = kept(tmp_path, 375_000, 1000)  # in each of two test sets
    size = files_of(tmp_path, record)[0].stat().st_size
    assert 1_500_000 < size < 3_000_000, size

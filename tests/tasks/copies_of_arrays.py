"""Writes small copies of the data sets that are published as arrays, in the formats of the originals."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from tests import archives
from tests.archives import GIVEN, ONE, TOYS, TRAIN_TEST, Facts, Small, image, shades
from tests.tf_examples import example, tfrecord

CIFAR: Facts = {"train": shades(12, 100), "test": shades(5, 100, 3)}
SVHN: Facts = {"train": shades(9, 10), "test": shades(4, 10, 5)}


def planes(shade: int) -> np.ndarray:
    """A marked image of 32 pixels (3072,), one colour plane after another."""
    return archives.marked(shade, 32, 32).transpose(2, 0, 1).ravel()


def cifar100_binary(folder: Path, packed: bool) -> Small:
    files = {
        f"cifar-100-binary/{split}.bin": b"".join(
            bytes([9, label]) + planes(shade).tobytes() for label, shade in rows.values()
        )
        for split, rows in CIFAR.items()
    }
    if packed:
        archives.write_tar(folder / "cifar100" / "cifar-100-binary.tar.gz", files)
    else:
        archives.write_folder(folder / "cifar100", files)
    return Small("cifar100", TRAIN_TEST, CIFAR)


InPython: Any = vars(pickle)["_Pickler"]  # the pickler that is not written in C


class Python2(InPython):  # type: ignore[misc]
    """Pickles bytes as the strings of Python 2, with which the authors made their files."""

    dispatch = InPython.dispatch.copy()

    def save_string(self, text: bytes) -> None:
        self.write(b"T" + struct.pack("<i", len(text)) + text)
        self.memoize(text)

    dispatch[bytes] = save_string


def cifar100_python(folder: Path, protocol: int) -> Small:
    files = {}
    for split, rows in CIFAR.items():
        pixels = np.stack([planes(shade) for _, shade in rows.values()])
        table = {b"data": pixels, b"fine_labels": [label for label, _ in rows.values()], b"filenames": [b"a.png"]}
        buffer = io.BytesIO()
        (Python2 if protocol == 2 else pickle.Pickler)(buffer, protocol).dump(table)
        files[f"cifar-100-python/{split}"] = buffer.getvalue()
    archives.write_tar(folder / "cifar-100-python.tar.gz", files)
    return Small("cifar100", TRAIN_TEST, CIFAR)


def svhn(folder: Path) -> Small:
    for split, rows in SVHN.items():
        pixels = np.stack([archives.marked(shade, 32, 32) for _, shade in rows.values()], axis=-1)
        digits = np.array([[label or 10] for label, _ in rows.values()], np.uint8)  # 10 stands for 0
        savemat(folder / f"{split}_32x32.mat", {"X": pixels, "y": digits}, do_compression=True)
    return Small("svhn", TRAIN_TEST, SVHN)


def patch_camelyon(folder: Path) -> Small:
    h5py = pytest.importorskip("h5py")
    facts = {}
    for split, part, count in (("train", "train", 9), ("validation", "valid", 4), ("test", "test", 5)):
        rows = [(row % 2, 16 * row + count) for row in range(count)]
        facts[split] = {f"{part}_{row}": fact for row, fact in enumerate(rows)}
        for kind, array in (
            ("x", np.stack([archives.marked(shade, 96, 96) for _, shade in rows])),
            ("y", np.array([label for label, _ in rows], np.uint8).reshape(-1, 1, 1, 1)),
        ):
            with h5py.File(folder / f"camelyonpatch_level_2_split_{part}_{kind}.h5", "w") as file:
                file[kind] = array
    return Small("patch_camelyon", GIVEN, facts)


def dsprites(folder: Path, name: str) -> Small:
    count = 5000  # more than are unpacked at once
    latents = np.zeros((count, 6), np.int64)
    latents[:, 3], latents[:, 4] = np.arange(count) % 40, np.arange(count) // 40 % 32
    images = np.stack([archives.marked_grey(255 * (row % 3 == 0), 64) // 255 for row in range(count)])
    np.savez_compressed(folder / "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz", imgs=images, latents_classes=latents)
    labels = latents[:, 4] // 2 if name == "dsprites_location" else np.floor(latents[:, 3] / 2.5).astype(int)
    assert set(labels.tolist()) == set(range(16))
    facts = {"train": {row: (int(labels[row]), 255 * (row % 3 == 0)) for row in range(count)}}
    return Small(name, ONE, facts, marks=archives.GREY)


def smallnorb(folder: Path, name: str, classes: int, packed: bool) -> Small:
    facts = {"train": shades(9, classes), "test": shades(10, classes, 4)}
    stems = {"train": "5x46789x9x18x6x2x96x96-training", "test": "5x01235x9x18x6x2x96x96-testing"}
    for split, rows in facts.items():
        left = [archives.marked_grey(shade, 96) for _, shade in rows.values()]
        pixels = np.stack([np.stack([image, np.full_like(image, 255)]) for image in left])  # the right camera: white
        info = np.array([[1, label, 2 * label, 3] for label, _ in rows.values()], "<i4")
        for kind, blob in (("dat", archives.norb_matrix(pixels)), ("info", archives.norb_matrix(info))):
            path = folder / f"smallnorb-{stems[split]}-{kind}.mat{'.gz' if packed else ''}"
            path.write_bytes(gzip.compress(blob) if packed else blob)
    return Small(name, TOYS, facts, marks=archives.GREY)


def dmlab(folder: Path) -> Small:
    facts = {}
    for split, count in (("train", 9), ("validation", 3), ("test", 4)):
        rows = {f"{split}_{at}.png": (at % 6, 25 * at) for at in range(count)}
        blobs = [
            example({"image": image(shade, "png"), "filename": key.encode(), "label": label})
            for key, (label, shade) in rows.items()
        ]
        for shard in range(2):
            name = f"dmlab-{split}.tfrecord-{shard:05}-of-00002"
            (folder / name).write_bytes(tfrecord(blobs[shard::2]))
        facts[split] = rows
    return Small("dmlab", GIVEN, facts)

"""Writes small copies of the data sets that are published as image files, in the layout of the originals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

from tasks.readers.kitti import divided
from tests import archives
from tests.archives import GIVEN, ONE, SCENES, TRAIN_TEST, Facts, Small, image, shades


def texture_files() -> tuple[dict[str, bytes], Facts]:
    files, facts = {}, {}
    for split, (listing, shade) in {"train": ("train1", 0), "validation": ("val1", 1), "test": ("test1", 2)}.items():
        rows = {f"t{label:02}/t{label:02}_{split}.jpg": (label, 5 * label + shade) for label in range(47)}
        files[f"dtd/labels/{listing}.txt"] = "".join(f"{key}\n" for key in rows).encode()
        files |= {f"dtd/images/{key}": image(shade) for key, (_, shade) in rows.items()}
        facts[split] = rows
    return files, facts


def dtd(folder: Path, mode: str | None) -> Small:
    """As a tar that is compressed ("gz") or plain (""), or as a folder (None)."""
    files, facts = texture_files()
    if mode is None:
        archives.write_folder(folder, files)
    else:
        archives.write_tar(folder / "dtd" / "dtd-r1.0.1.tar.gz", files, mode)
    return Small("dtd", GIVEN, facts, near=2)


def flowers102(folder: Path, packed: bool) -> Small:
    numbers = {"train": [3, 5, 7, 9, 11], "validation": [2, 4, 6], "test": [1, 8, 10]}
    facts = {split: {f"image_{at:05}.jpg": (at * 3, at * 16) for at in ids} for split, ids in numbers.items()}
    files = {f"jpg/{key}": image(shade) for rows in facts.values() for key, (_, shade) in rows.items()}
    if packed:
        archives.write_tar(folder / "102flowers.tgz", files)
    else:
        archives.write_folder(folder, files)
    savemat(folder / "imagelabels.mat", {"labels": np.array([[at * 3 + 1 for at in range(1, 12)]], np.uint8)})
    named = {"trnid": numbers["train"], "valid": numbers["validation"], "tstid": numbers["test"]}
    savemat(folder / "setid.mat", {name: np.array([ids], np.uint16) for name, ids in named.items()})
    return Small("flowers102", GIVEN, facts, near=2)


def pets(folder: Path, packed: bool) -> Small:
    facts = {
        "train": {f"Abyssinian_{at}.jpg": (at % 37, at * 9) for at in range(1, 10)},
        "test": {f"pug_{at}.jpg": (25, at * 9 + 100) for at in range(1, 6)},
    }
    pictures = {f"images/{key}": image(shade) for rows in facts.values() for key, (_, shade) in rows.items()}
    notes = {}
    for listing, rows in (("trainval", facts["train"]), ("test", facts["test"])):
        lines = (f"{key[:-4]} {label + 1} 1 1\n" for key, (label, _) in rows.items())
        notes[f"annotations/{listing}.txt"] = "".join(lines).encode()
    if packed:
        archives.write_tar(folder / "pets" / "images.tar.gz", pictures)
        archives.write_tar(folder / "pets" / "annotations.tar.gz", notes)
    else:
        archives.write_folder(folder / "oxford-iiit-pet", pictures | notes)
    return Small("pets", TRAIN_TEST, facts, near=2)


def sun397(folder: Path) -> Small:
    scenes = ["/a/abbey", "/c/church/indoor", "/z/zoo"]
    facts = {
        split: {f"{scenes[at % 3]}/sun_{split}{at}.jpg": (at % 3, at * 16 + first) for at in range(count)}
        for split, count, first in (("train", 9, 0), ("validation", 3, 1), ("test", 4, 2))
    }
    for split, listing in (("train", "tr"), ("validation", "va"), ("test", "te")):
        archives.write_folder(folder, {f"SUN397{key}": image(shade) for key, (_, shade) in facts[split].items()})
        (folder / f"sun397_tfds_{listing}.txt").write_text("".join(f"{key}\n" for key in facts[split]))
    return Small("sun397", GIVEN, facts, near=2)


def class_folders(folder: Path, name: str, classes: int, place: str, packed: bool) -> Small:
    rows = {}
    files = {}
    for label in range(classes):
        for number in range(2):
            key, shade = f"class{label:02}_class{label:02}_{number}.jpg", 2 * label + 100 * number
            rows[key] = (label, shade)
            files[f"{place}/class{label:02}/class{label:02}_{number}.jpg"] = image(shade)
    if packed:
        archives.write_zip(folder / {"eurosat": "EuroSAT.zip"}.get(name, f"{place}.zip"), files)
    else:
        archives.write_folder(folder, files)
    return Small(name, ONE, {"train": rows}, near=2)


def clevr(folder: Path, name: str, packed: bool) -> Small:
    files, facts = {}, {}
    for split, part in (("train", "train"), ("validation", "val")):
        scenes, rows = [], {}
        for at in range(8):
            depths = [7.5 + 0.5 * at, *[11.5] * (at + 2)]
            key = f"CLEVR_{part}_{at:06}.png"
            objects = [{"pixel_coords": [1, 2, depth], "shape": "cube [] {}"} for depth in depths]
            scenes.append({"image_index": at, "image_filename": key, "objects": objects, "split": part})
            rows[key] = (at if name == "clevr_count" else [0, 0, 1, 2, 3, 4, 5, 5][at], 30 * at)
            files[f"CLEVR_v1.0/images/{part}/{key}"] = image(30 * at, "png")
        listing = json.dumps({"info": {"split": part}, "scenes": scenes}, indent=1 if packed else None)
        files[f"CLEVR_v1.0/scenes/CLEVR_{part}_scenes.json"] = listing.encode()
        facts[split] = rows
    if packed:
        archives.write_zip(folder / "CLEVR_v1.0.zip", files)
    else:
        archives.write_folder(folder, files)
    return Small(name, SCENES, facts)


def kitti_line(kind: str, metres: float) -> str:
    return f"{kind} 0.00 0 -1.57 1.0 2.0 3.0 4.0 1.5 1.6 3.9 -1.0 1.5 {metres:.2f} 0.1\n"


def kitti(folder: Path, packed: bool) -> Small:
    """Twenty videos of two images each; two of the videos are for testing and two for validation."""
    order = np.random.default_rng(0).permutation(40) + 1
    frames = "".join(f"2011_09_26 drive_{line // 2:04} {line:010}\n" for line in range(40))
    kit = {"mapping/train_rand.txt": ",".join(map(str, order)).encode(), "mapping/train_mapping.txt": frames.encode()}
    pictures, notes = {}, {}
    texts = ["Car 5", "Van 8", "Truck 19.5", "Cyclist 3", ""]
    wanted = [0, 0, 1, 3, 3]
    rows: dict[int, Any] = {}
    for number in range(40):
        kind, _, metres = texts[number % 5].partition(" ")
        line = kitti_line(kind, float(metres)) + kitti_line("Van", 60.0) * (number % 5 < 3) if kind else ""
        notes[f"training/label_2/{number:06}.txt"] = (line + kitti_line("DontCare", -1000.0)).encode()
        pictures[f"training/image_2/{number:06}.png"] = image(6 * number, "png")
        rows[number] = (wanted[number % 5], 6 * number)
    parts = divided([line - 1 for line in order], [f"drive_{line // 2:04}" for line in range(40)])
    facts = {split: {f"{number:06}.png": rows[number] for number in numbers} for split, numbers in parts.items()}
    assert [len(facts[split]) for split in ("train", "validation", "test")] == [32, 4, 4]
    for name, members in {"data_object_image_2": pictures, "data_object_label_2": notes, "devkit_object": kit}.items():
        if packed:
            archives.write_zip(folder / "kitti" / f"{name}.zip", members)
        else:
            archives.write_folder(folder / "kitti", members)
    return Small("kitti_distance", GIVEN, facts)


def retinopathy(folder: Path) -> Small:
    eyes = {
        "train": [("10_left", 2, ""), *[(f"{at}_right", at % 5, "") for at in range(11, 16)]],
        "validation": [(f"{at}_left", at % 5, "Public") for at in range(2, 5)],
        "test": [(f"{at}_left", 4, "Private") for at in (1, 5, 6)],
    }
    for split, rows in eyes.items():
        photographs = {f"{name}.jpeg": archives.flat(90, "jpeg", (80, 60)) for name, _, _ in rows}
        archives.write_folder(folder / ("train" if split == "train" else "test"), photographs)
    table = "".join(f"{name},{level}\n" for name, level, _ in eyes["train"])
    (folder / "trainLabels.csv").write_text("image,level\n" + table)
    rows = eyes["validation"] + eyes["test"]
    table = "".join(f"{name},{level},{usage}\n" for name, level, usage in rows)
    (folder / "retinopathy_solution.csv").write_text("image,level,Usage\n" + table)
    facts = {split: {name: (level, 128) for name, level, _ in rows} for split, rows in eyes.items()}
    unmarked = ((128, 128, 128), (128, 128, 128))  # as every photograph's corners, outside of the retina
    return Small("retinopathy", GIVEN, facts, near=2, marks=unmarked)


def caltech101(folder: Path, form: str) -> Small:
    """As the authors' "zip", the "tar" in it, or a "folder". Which images are for training is drawn, not stated."""
    files = {
        f"101_ObjectCategories/{name}/image_{number:04}.jpg": image(60 * which + number)
        for which, name in enumerate(["BACKGROUND_Google", "Faces", "accordion"])
        for number in range(1, 36)
    }
    if form == "folder":
        archives.write_folder(folder, files)
    else:
        tar = folder / "101_ObjectCategories.tar.gz"
        archives.write_tar(tar, files)
    if form == "zip":
        archives.write_zip(folder / "caltech-101.zip", {"caltech-101/101_ObjectCategories.tar.gz": tar.read_bytes()})
        tar.unlink()
    return Small("caltech101", TRAIN_TEST, {"train": shades(90, 3), "test": shades(15, 3)})

"""`csv:FILE` and tables beside flat images: columns, paths, splits, and what is said about tables that cannot serve."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.registry import TASKS
from bench.spec import Task, UserError
from tests.tasks.test_folder import fill, fingerprint, folder_task, opened, picture


def named(text: str) -> Task:
    (task,) = TASKS.select([text]).values()
    return task


def write(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pets(folder: Path, count: int = 6) -> list[tuple[str, str]]:
    """(path, label) of each image in class folders."""
    fill(folder, count)
    return [(path.relative_to(folder).as_posix(), path.parent.name) for path in sorted(folder.rglob("*.png"))]


def flat(folder: Path, count: int = 6) -> list[tuple[str, str]]:
    """(path, label) of images in no class folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(f"{number:03}.png", ("cat", "dog")[number % 2]) for number in range(2 * count)]
    for number, (name, _) in enumerate(rows):
        picture(number).save(folder / name)
    return rows


FORMS: dict[str, Callable[[list[tuple[str, str]]], list[str]]] = {
    "a.csv": lambda rows: ["image,label", *(f"{path},{label}" for path, label in rows)],
    "b.csv": lambda rows: ["\ufeffClass;File Name", *(f'"{label}";{path}' for path, label in rows)],
    "c.tsv": lambda rows: ["id\tspecies", *(f"{path}\t{label}" for path, label in rows)],
    "d.jsonl": lambda rows: [json.dumps({"file_name": path, "label": label}) for path, label in rows],
}


@pytest.mark.parametrize("name", FORMS)
def test_a_table_of_a_folder_is_the_folder(tmp_path: Path, name: str) -> None:
    rows = pets(tmp_path / "pets")
    table = write(tmp_path / "pets" / name, FORMS[name](rows))
    task = named(f"csv:{table}")
    assert task.find(tmp_path).fingerprint == fingerprint(tmp_path / "pets")
    assert (task.classes, task.size) == (2, folder_task(tmp_path / "pets").size)
    images = task.find(tmp_path).load().train.images
    assert images.names == opened(tmp_path / "pets").train.images.names  # type: ignore[attr-defined]


def test_columns_may_be_stated(tmp_path: Path) -> None:
    rows = pets(tmp_path / "a,b")
    table = write(tmp_path / "a,b" / "t.csv", ["where,what,label", *(f"{path},{label},7" for path, label in rows)])
    task = named(f"csv:{table}:image=where:label=what")
    assert (task.classes, task.name) == (2, f"csv:{table}:image=where:label=what")
    with pytest.raises(UserError, match=r"no column for the image by its name; its columns are 'where', 'what'"):
        named(f"csv:{table}")
    with pytest.raises(UserError, match=r"has no column 'kind'; its columns are 'where'"):
        named(f"csv:{table}:image=where:label=kind")


def test_a_split_column_divides(tmp_path: Path) -> None:
    rows = pets(tmp_path, 20)
    parts = [("Training", "dev", "test")[(at % 4 == 0) + (at % 8 == 0)] for at in range(len(rows))]
    lines = [f"{path},{label},{part}" for (path, label), part in zip(rows, parts, strict=True)]
    data = named(f"csv:{write(tmp_path / 't.csv', ['path,y,split', *lines])}").find(tmp_path).load()
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == (35, 5, 5)
    with pytest.raises(UserError, match=r"line 2 of .* has the split 'fold1', which is none of train, val and test"):
        named(f"csv:{write(tmp_path / 't.csv', ['path,y,split', f'{rows[0][0]},cat,fold1'])}")


def test_paths_may_be_absolute_lack_their_ending_or_their_folder(tmp_path: Path) -> None:
    rows = flat(tmp_path / "images")
    for prefix, ending in ((f"{tmp_path}/images/", ".png"), ("", ".png"), ("", ""), ("./images/../images/", ".png")):
        lines = [f"{prefix}{path.removesuffix('.png')}{ending},{label}" for path, label in rows]
        assert named(f"csv:{write(tmp_path / 't.csv', ['id,label', *lines])}").size == "6 + 2 / 4"


@pytest.mark.parametrize("images", ["", "images"])
@pytest.mark.parametrize("table", ["labels.csv", "metadata.jsonl"])
def test_a_table_beside_flat_images_is_found(tmp_path: Path, images: str, table: str) -> None:
    rows = flat(tmp_path / images)
    write(tmp_path / table, FORMS["a.csv" if table.endswith("csv") else "d.jsonl"](rows))
    assert folder_task(tmp_path).size == "6 + 2 / 4"


def test_lists_beside_images_are_read(tmp_path: Path) -> None:
    for part, count in (("train800", 8), ("val200", 4), ("test", 6)):
        rows = flat(tmp_path / "images" / part, count // 2)
        write(tmp_path / f"{part}.txt", [f"images/{part}/{name} {int(label == 'dog')}" for name, label in rows])
    (tmp_path / "train800val200.txt").write_text("images/none.png 0\n")
    data = opened(tmp_path)
    assert (len(data.train.labels), data.train.validation, len(data.tests["test"].labels)) == (12, 4, 6)
    assert data.train.images.decode(0).shape == (8, 12, 3)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["image,label", "000.png,cat", "gone.png,dog"],
            r"lists 1 of 2 images that are not there, the first is",
        ),
        (
            ["image,label", "000.png,cat", "./000.png,dog"],
            r"lists '000\.png' with two labels, 'cat' and 'dog'",
        ),
        (["image,label,split", "000.png,cat,train", "000.png,cat,test"], r"lists '000\.png' with two parts; leave one"),
        (["image,label", *(f"{at:03}.png,cat" for at in range(12))], r"t\.csv has one class only, 'cat'"),
        (
            ["image,label", *(f"{at:03}.png,{at}" for at in range(12))],
            r"has 12 different labels for 12 images",
        ),
        (["image,label", "000.png,"], r"line 2 of .* has no label; fill it in"),
        (["image,label"], r"lists no images; put a line for each image"),
        (["image,label", "t.csv,cat", "000.png,dog"], r"lists 't\.csv', which is not read; images end in"),
        (["image,label", '"000.png,cat'], r"is not a table in UTF-8 \(unexpected end of data\)"),
    ],
)
def test_tables_that_cannot_serve(tmp_path: Path, lines: list[str], message: str) -> None:
    flat(tmp_path)
    with pytest.raises(UserError, match=message):
        named(f"csv:{write(tmp_path / 't.csv', lines)}")


def test_doubled_lines_count_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{path},{label}" for path, label in flat(tmp_path)]
    table = write(tmp_path / "t.csv", ["image,label", *lines, *lines[:3]])
    assert named(f"csv:{table}").size == "6 + 2 / 4"
    assert capsys.readouterr().err == f"warning: {table} lists 3 images more than once; each is taken once\n"


def test_a_hundred_thousand_labels_are_answered_at_once(tmp_path: Path) -> None:
    picture().save(tmp_path / "1.png")
    lines = [f"1.png,{at}" for at in range(100_000)]
    with pytest.raises(UserError, match=r"lists '1\.png' with two labels, '0' and '1'"):
        named(f"csv:{write(tmp_path / 't.csv', ['image,label', *lines])}")


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no table .*none\.csv; name a CSV, TSV or JSON lines file"):
        named(f"csv:{tmp_path}/none.csv:label=x")


@pytest.mark.real
def test_a_table_of_pacs_is_its_domain(real: Path, tmp_path: Path) -> None:
    place = real / "domains" / "pacs"
    rows = [(path, path.parent.name) for path in sorted((place / "photo").rglob("*.jpg"))]
    table = write(tmp_path / "photo.csv", ["image,label", *(f"{path},{label}" for path, label in rows)])
    as_table, as_domains = (named(name).find(tmp_path).load() for name in (f"csv:{table}", f"domains:{place}/photo"))
    for one, other in ((as_table.train, as_domains.train), (as_table.tests["test"], as_domains.tests["test"])):
        assert one.labels.tolist() == other.labels.tolist()
        assert all((one.images.decode(at) == other.images.decode(at)).all() for at in range(0, len(one.labels), 40))

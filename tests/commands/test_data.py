"""`run_bench.py data`: what it says is here, what it says is missing, and its wrong usage."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.registry import TASKS
from tasks import vtab
from tests.command_line import bench, make_folder
from tests.conftest import REPOSITORY


def test_status_tells_what_is_here_and_how_to_get_the_rest(tmp_path: Path) -> None:
    shown = bench("data", "status", "--data", tmp_path).stdout
    rows = {line.split()[0]: line for line in shown.splitlines() if line.startswith(" ")}
    for name, task in TASKS.select(["vtab1k"]).items():
        assert task.source.link in rows[name] and task.source.licence in rows[name]
        way = f"run_bench.py data get {name} --data {tmp_path}" if task.source.downloads else "by hand"
        assert way in rows[name]
    assert "look for a mirror" in rows["vtab1k/natural/sun397"]
    assert "exact" in rows["demo/digits"]
    for name, task in TASKS.select(["ood"]).items():
        assert task.source.link in rows[name]
        way = f"run_bench.py data get {name}" if task.source.downloads else f"into {tmp_path / task.source.folder}"
        assert way in rows[name]
    assert shown.splitlines()[-1].startswith("7 of ")


def test_status_of_real_data(real: Path) -> None:
    shown = bench("data", "--data", real, "status", "vtab1k/eurosat").stdout
    assert "EuroSAT.zip" in shown and " exact " in shown and "1 of 1 tasks can run" in shown
    shown = bench("data", "--data", real, "status", "ood/pacs").stdout
    assert shown.count("1,432 images where 9,991 were published") == 4 and "4 of 4 tasks can run" in shown


def test_converted_folders_are_tasks(tmp_path: Path) -> None:
    photos = make_folder(tmp_path / "photos")
    done = bench("data", "convert", f"folder:{photos}", "--to", tmp_path / "made")
    (folder,) = (tmp_path / "made").iterdir()
    assert str(folder) in done.stdout
    assert "folder of images by Pillow" in bench("data", "status", f"folder:{folder}").stdout
    again = bench("data", "convert", f"folder:{photos}", "--to", tmp_path / "made", code=2)
    assert "is there already" in again.stderr


def test_what_is_got_by_hand_says_its_steps(tmp_path: Path) -> None:
    done = bench("data", "get", "vtab1k/sun397,demo/digits", "--data", tmp_path, code=1)
    assert "by hand: put the folder SUN397" in done.stderr and "look for a mirror" in done.stderr
    assert "demo/digits: exact" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["data", "frob"], "`data` cannot 'frob'; write `data status"),
        (["data", "get"], "`data get` needs the names of tasks"),
        (["data", "convert", "demo/digits"], "add --to DIR"),
        (["data", "status", "vtab1k/eurosta"], "did you mean 'vtab1k/eurosat'?"),
        (["data", "convert", "vtab1k/eurosat", "--to", "/nowhere", "--data", "/nonexistent"], "put EuroSAT.zip"),
        (["data", "convert", "demo/digits", "--to", "/proc/nowhere"], "cannot be written"),
    ],
)
def test_wrong_usage(arguments: list[str], says: str) -> None:
    assert says in bench(*arguments, code=2).stderr


def table() -> str:
    """The table of docs/data.md; print(table()) gives it anew."""
    lines = ["| task | images | from the authors' files | how | size | licence | to know |", "|--|--|--|--|--|--|--|"]
    for row, task in zip(vtab.ROWS, TASKS.select(["vtab1k"]).values(), strict=True):
        source = task.source
        how = "`data get`" if source.downloads else f"by hand: {source.files}; {source.manual}"
        title = f"[{row.name.removeprefix('vtab1k/')}]({source.link})"
        cells = (title, task.size, row.origin.exactness, how, source.size, source.licence, source.caveat or "–")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def test_the_page_about_data_has_every_row() -> None:
    assert table() in (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")

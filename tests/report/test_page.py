"""The page: self-contained, escaped, sortable, sound on bad input, and no claim that the figures do not support."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.records.cells import CellResult, Cost, DataFacts, Environment, NetworkFacts
from bench.report import write_report
from bench.report.numbers.evidence import comparison as compared
from bench.report.numbers.families import by_family
from bench.report.tables.sheets import FEW, MOST, sheets
from tests.conftest import REPOSITORY
from tests.report.handmade import cell, grid_of
from tests.synthetic import METHODS, comparison, counted, result, selecting, tuned

VOID = {"meta", "img", "path", "wbr"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """Checks that tags are closed in order, and gathers what a browser would fetch, and what a reader sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        if tag != "wbr":
            self.seen.append(" ")
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data") and value]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.seen.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.seen).split())


def page(folder: Path, results: Sequence[CellResult | str], torn: str = "") -> tuple[Page, str]:
    """The page on records, some of which may be lines as they stand in a file."""
    folder.mkdir(exist_ok=True)
    lines = "".join((one if isinstance(one, str) else json.dumps(asdict(one))) + "\n" for one in results)
    (folder / "cells.jsonl").write_text(lines + torn, encoding="utf-8")
    text = write_report(folder).paths[0].read_text(encoding="utf-8")
    return Page(text), text


def test_the_page_fetches_nothing(tmp_path: Path) -> None:
    made, text = page(tmp_path, tuned(3, 4))
    assert made.fetched and all(url.startswith(("data:image/svg+xml;base64,", "#")) for url in made.fetched)
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text
    assert re.search(r"<li>[^<]*\d\u00a0%", text) and not re.search(r"<(p|li|dt|dd)>[^<]*\d %", text)  # stay in a line


def test_the_page_begins_with_pictures(tmp_path: Path) -> None:
    """The verdict, two plots, the main table and the storage limits are in sight; all else is folded."""
    _, text = page(tmp_path, counted(comparison(5, 6, 2)))
    seen = re.sub(r"<details>.*?</details>", "<details>", text, flags=re.DOTALL)
    order = ['class="verdict"', "Accuracy against training FLOPs:", "Accuracy against stored bytes:",
             "Means and costs of a task", "Which method within a storage limit", "<details>"]  # fmt: skip
    places = [seen.index(piece) for piece in order]
    assert places == sorted(places)
    verdict = seen[places[0] : places[1]]
    assert 1 <= verdict.count("<p>") <= 2
    assert seen.count("<img") == 2 < text.count("<img")
    for folded in ("Evidence in words", "More plots", "Every task, and tests", "How to reproduce", "Terms"):
        assert folded in text and folded not in seen


def test_text_out_of_records_is_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('x')</script>&\"<b>"
    facts = {
        "environment": Environment("1", {evil: evil}, evil, evil),
        "data": DataFacts(evil),
        "network": NetworkFacts(evil),
    }
    found = [result(f"{evil}{at}", f"demo/{evil}", **facts) for at in (1, 2)]
    failed = replace(result("lora", f"demo/{evil}"), status="failed", reason=evil, accuracy={})
    made, text = page(tmp_path, [*found, failed])
    assert evil not in text
    assert text.count("<script") == 1
    assert made.text.count(evil) > 8


def test_a_sheet_has_every_method_and_at_most_so_many_figures() -> None:
    grid = grid_of(comparison(5, 24, 2))
    found = list(sheets(grid, compared(grid)))
    assert all(list(sheet.text.index) == list(by_family(METHODS[:5])) for sheet in found)
    assert all(len(sheet.text.columns) <= MOST for sheet in found[1:])
    tasks = [name for sheet in found[1:] for name in sheet.text.columns]
    assert sorted(tasks) == sorted(grid.label(task) for task in grid.tasks)
    assert grid.by_group(grid.tasks).keys() == {"natural", "specialized", "structured"} and FEW == 3
    assert "natural (8)" in found[0].text.columns


def line(one: CellResult, **changes: object) -> str:
    """A record as a line of a file, with fields that no record can be made with."""
    return json.dumps({**asdict(one), **changes})


BAD: Mapping[str, Sequence[CellResult | str]] = {
    "one seed": comparison(3, 4),
    "one method": comparison(1, 4, 3),
    "one cell": [result()],
    "no scratch": comparison(["linear_probe", "fine_tune", "head2toe"], 3),
    "no fine-tuning": comparison(["linear_probe", "scratch", "head2toe"], 3),
    "thirty methods": comparison([f"method_{at}" for at in range(30)], 3),
    "long names": comparison([f"a_method_whose_name_has_forty_characters{at}" for at in range(3)], 3, suite="s" * 40),
    "zero costs": [replace(one, cost=Cost(0, stored_bytes=0, train_seconds=0.0)) for one in comparison(3, 3)],
    "no costs": [replace(one, cost=Cost()) for one in comparison(3, 3)],
    "NaN": [
        *comparison(3, 3),
        *(line(one, cost={"train_flops": float("nan"), "train_seconds": float("inf")}) for one in comparison(3, 3)),
    ],
    "two protocols": [
        *comparison(3, 3),
        *(replace(one, environment=Environment("0"), key=f"old{one.key}") for one in comparison(3, 3)),
    ],
    "bare records": [replace(one, environment=Environment(), started="") for one in comparison(2, 2)],
    "nothing in common": [cell("a", "x", 0.5, 9), cell("b", "y", 0.5, 9)],
    "strange facts": [
        *comparison(2, 2),
        *(
            line(one, provenance={"protocol": "1", **facts})
            for one in comparison(2, 2)
            for facts in ({"protocol": 1}, {"backbone": "x"}, {"versions": "y"}, {"tuning": "z"}, {"trial": 3})
        ),
    ],
    "all perfect": [replace(one, accuracy={"test": 1.0}) for one in comparison(3, 3)],
    "trials alone": [one for one in tuned(2, 2) if one.stage != "final"],
}  # fmt: skip


def test_numbers_of_others_stand_apart(tmp_path: Path) -> None:
    backbone = "vit_base_patch16_224.augreg_in21k"
    lines = [json.dumps(asdict(result(m, "vtab1k/specialized/eurosat", backbone=backbone))) for m in ("lora", "knn")]
    (tmp_path / "cells.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    made = Page(write_report(tmp_path, ["published"]).paths[0].read_text(encoding="utf-8"))
    assert "Beside the numbers of others" in made.text and "not comparable" in made.text
    assert "Beside the numbers of others" not in Page(write_report(tmp_path).paths[0].read_text(encoding="utf-8")).text


QUICK = ("one method", "NaN", "nothing in common", "trials alone")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BAD]
)
def test_bad_input_gives_a_sound_page(tmp_path: Path, name: str) -> None:
    made, _ = page(tmp_path, BAD[name], torn='{"key": "x", "stage\n')
    damaged = 1 + sum(isinstance(one, str) for one in BAD[name])
    assert f"not read: {damaged} line{'s' * (damaged > 1)} of cells.jsonl" in made.text
    assert not re.search(r"\b(nan|inf|None)\b", made.text)
    if name != "trials alone":
        assert "Plots that cannot be drawn from these records" in made.text
    if name == "two protocols":
        assert "protocol 0" in made.text and "protocol 1" in made.text
    if name == "trials alone":
        assert "No cell was finished" in made.text


def test_tuning_is_drawn_where_it_was_recorded(tmp_path: Path) -> None:
    made, _ = page(tmp_path, tuned(3, 3, sampler="random"))
    drawn = {path.name.removeprefix("demo_mobilenetv2_100_") for path in (tmp_path / "report").glob("*.svg")}
    wanted = {
        "accuracy_by_tuning_seconds.svg",
        "accuracy_by_tuning_flops.svg",
        "tuning_by_draws.svg",
        "tuning_by_trial.svg",
    }
    assert wanted <= drawn
    assert "--tune 10 --sampler random" in made.text
    page(tmp_path, comparison(3, 3))
    assert not list((tmp_path / "report").glob("*tuning*"))  # those of earlier records are gone


FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look with")


def opened(folder: Path, text: str, *flags: str) -> str:
    """What Chromium writes to standard output about a page."""
    (folder / "opened.html").write_text(text, encoding="utf-8")
    asked = [str(CHROMIUM), *FLAGS, f"--user-data-dir={folder / 'profile'}", *flags, f"file://{folder}/opened.html"]
    return subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True).stdout


@in_chromium
def test_a_click_on_a_heading_sorts_by_number(tmp_path: Path) -> None:
    """Of 9 B, 100 B and 2,000 B, stored bytes first rise, then fall; the method without a figure stays last."""
    sizes = {"b": 2000, "d": None, "a": 100, "c": 9}
    cells = [cell(name, "x", 0.5 + at / 10, 1) for at, name in enumerate(sizes)]
    cells = [replace(one, cost=replace(one.cost, stored_bytes=sizes[one.method])) for one in cells]
    _, text = page(tmp_path, cells)
    click = """<script>
    const table = document.querySelector("table.sortable");
    const heading = [...table.tHead.rows[0].cells].find((cell) => cell.textContent.includes("stored bytes"));
    const order = () => [...table.tBodies[0].rows].map((row) => row.querySelector(".name").textContent).join("");
    const orders = [0, 1].map(() => { heading.querySelector("button").click(); return order(); });
    document.title = orders.join(" ") + " " + heading.getAttribute("aria-sort");
    </script>"""
    dom = opened(tmp_path, text.replace("</body>", f"{click}</body>"), "--dump-dom")
    assert "<title>cabd bacd descending</title>" in dom


@in_chromium
def test_the_page_is_no_wider_than_a_telephone(tmp_path: Path) -> None:
    """Wide tables and plots scroll inside the page."""
    names = [f"a_method_whose_name_has_forty_characters{at}" for at in range(5)]
    _, text = page(tmp_path, counted(comparison(names, 9, suite="s" * 40)))
    unfolded = html.escape(text.replace("<details>", "<details open>"))
    frame = f"""<iframe width=390 height=900 srcdoc="{unfolded}"></iframe><script>onload = () => {{
    const root = document.querySelector("iframe").contentDocument.documentElement;
    document.title = `${{root.scrollWidth}} of ${{root.clientWidth}}`;
    }}</script>"""
    ((inner, outer),) = re.findall(r"<title>(\d+) of (\d+)</title>", opened(tmp_path, frame, "--dump-dom"))
    assert 360 < int(inner) == int(outer) <= 390


@in_chromium
def test_folded_parts_are_printed_without_a_script(tmp_path: Path) -> None:
    _, text = page(tmp_path, comparison(3, 3))
    bare = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    pages = []
    for at, each in enumerate((bare, bare.replace("<details>", "<details open>"))):
        opened(tmp_path, each, f"--print-to-pdf={tmp_path / f'{at}.pdf'}")
        pages.append(len(re.findall(rb"/Type /Page\b", (tmp_path / f"{at}.pdf").read_bytes())))
    assert pages[0] == pages[1] > 3


@pytest.mark.slow
def test_a_large_report_is_quick_and_does_without_torch(tmp_path: Path) -> None:
    """12 methods on 24 tasks with 3 seeds, 864 records: under 20 seconds of a processor, all plots under 15."""
    lines = [json.dumps(asdict(one)) for one in selecting(counted(comparison(12, 24, 3)))]
    assert len(lines) == 864
    (tmp_path / "cells.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    code = (
        "import sys, time, pathlib, bench.report as report, bench.report.document as document\n"
        "plain, took = document.draw_all, []\n"
        "def timed(*given):\n"
        " start = time.process_time(); made = plain(*given); took.append(time.process_time() - start); return made\n"
        "document.draw_all = timed\n"
        f"report.write_report(pathlib.Path({str(tmp_path)!r}))\n"
        "print(time.process_time(), took[0], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    whole, plots, torch = done.stdout.split()
    assert float(whole) < 20 and float(plots) < 15 and torch == "False"

"""The page: self-contained, escaped, sortable, sound on bad input, and no claim that the figures do not support."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bench.records.cells import CellResult, Cost, DataFacts, Environment, NetworkFacts, TuningFacts
from bench.report import write_report
from bench.report.numbers.evidence import comparison as compared
from bench.report.numbers.grid import Grid, grids
from bench.report.tables.sheets import FEW, MOST, sheets
from bench.report.words.limits import Advice, advice
from bench.report.words.origin import command, facts
from bench.report.words.verdict import verdict
from tests.conftest import REPOSITORY
from tests.synthetic import METHODS, comparison, costs, counted, result, selecting, tuned

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


def cell(method: str, task: str, accuracy: float, kept: int, **changes: Any) -> CellResult:
    cost = costs(100, 10, kept, 1.0)
    return result(method, f"demo/{task}", accuracy={"test": accuracy}, cost=cost, **changes)


def grid_of(cells: Sequence[CellResult]) -> Grid:
    (grid,) = grids(cells)
    return grid


def advised(cells: Sequence[CellResult]) -> list[Advice]:
    grid = grid_of(cells)
    return advice(grid, compared(grid))


def test_the_page_fetches_nothing(tmp_path: Path) -> None:
    made, text = page(tmp_path, tuned(3, 4))
    assert made.fetched and all(url.startswith(("data:image/svg+xml;base64,", "#")) for url in made.fetched)
    assert not re.search(r"url\(|@import|https?://", text)
    assert "default-src 'none'" in text
    assert re.search(r"<li>[^<]*\d\u00a0%", text) and not re.search(r"<(p|li|dt|dd)>[^<]*\d %", text)  # stay in a line


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


def test_the_step_of_a_limit_is_the_most_accurate_that_fits_on_every_task() -> None:
    """b keeps 20 kB on one task, so it does not fit 10 kB though its mean would not tell."""
    sizes = {"a": (1000, 1000), "b": (20_000, 2000), "c": (2_000_000, 3_000_000)}
    accuracy = {"a": (0.5, 0.6), "b": (0.7, 0.8), "c": (0.75, 0.85)}
    steps = advised(counted([cell(m, t, accuracy[m][at], sizes[m][at]) for m in sizes for at, t in enumerate("xy")]))
    assert [(step.limit, step.method, step.stored) for step in steps] == [
        (1e4, "a", 1000), (1e5, "b", 20_000), (1e6, "b", 20_000), (1e7, "c", 3_000_000),
    ]  # fmt: skip
    assert [step.sure for step in steps] == ["no rival", *3 * ["likely on these tasks"]]
    assert "2 tasks are too few for a test between 3 methods" in steps[1].why


def test_how_sure_follows_the_statistics() -> None:
    def two(gap: float, tasks: int, **changes: Any) -> str:
        found = [cell(m, f"t{at}", 0.7 + gap * (m == "b"), 500, **changes) for m in "ab" for at in range(tasks)]
        return advised(found)[0].sure

    tested = {"data": DataFacts(test_counts={"test": 2000})}
    assert two(0.1, 2) == "not known"  # one seed, and no count of test images
    assert (
        two(0.1, 2, **tested) == "likely on these tasks"
    )  # far apart, on one seed; two tasks settle nothing of others
    assert two(0.1, 8, **tested) == "sure"
    assert two(0.001, 8, **tested) == "open"  # within the interval


def test_what_the_intervals_leave_out_is_told() -> None:
    def last(seeds: int, images: int) -> Advice:
        found = [
            replace(cell(m, t, 0.6 + 0.2 * (m == "b") + 0.01 * seed, 500), seed=seed)
            for m in "ab"
            for t in "xy"
            for seed in range(seeds)
        ]
        return advised(counted(found, images))[-1]

    images, seeds, both = last(1, 2000), last(3, 0), last(3, 2000)
    assert "leave out the choice of seeds." in images.why and images.sure == "likely on these tasks"
    assert "leave out the choice of test images." in seeds.why and seeds.sure == "likely on these tasks"
    assert "leave out" not in both.why and both.sure == "sure on these tasks"


def test_a_missing_size_keeps_a_method_out_of_the_limits() -> None:
    known, unknown = cell("a", "x", 0.5, 100), cell("b", "x", 0.9, 100)
    steps = advised([known, replace(unknown, cost=Cost(10))])
    assert [step.method for step in steps] == ["a"]
    assert steps[0].why == "No other method fits. How much b would keep is not known."


def told(cells: Sequence[CellResult]) -> list[str]:
    grid = grid_of(cells)
    made = compared(grid)
    return verdict(grid, made, advice(grid, made))


def test_the_verdict_names_the_ratio_and_the_doubt() -> None:
    """head2toe: 0.776 of 0.8 is 97 %, 10 of 1,400 FLOPs is 1/140."""
    cheap = cell("head2toe", "x", 0.776, 5000)
    dear = cell("fine_tune", "x", 0.8, 50_000)
    sentences = told([replace(cheap, cost=costs(10, 1, 5000, 1.0)), replace(dear, cost=costs(1400, 1, 50_000, 1.0))])
    assert "fine_tune has the highest mean accuracy over the 1 task, 80.0 %" in sentences[0]
    assert "cannot be told from these seeds" in sentences[0]
    assert "head2toe reaches 97 % of fine_tune's accuracy (−2.4 points) at 1/140 of its training FLOPs" in sentences[1]
    assert "1/10 of its stored bytes" in sentences[1]
    assert "Within 1 MB a task, fine_tune is the most accurate" in sentences[2]


def test_the_verdict_claims_significance_only_where_it_is() -> None:
    clear = told(counted([cell(m, f"t{at}", 0.7 + 0.1 * (m == "b"), 9) for m in "ab" for at in range(8)]))
    assert clear[0].endswith("It differs significantly over the 8 tasks, so other tasks like these should agree.")
    few = told(counted([cell(m, f"t{at}", 0.7 + 0.1 * (m == "b"), 9) for m in "ab" for at in range(3)]))
    assert "significantly" not in " ".join(few) and "3 tasks are too few" in few[0]
    level = told(counted([cell(m, f"t{at}", 0.7 + 0.001 * (m == "b"), 9) for m in "ab" for at in range(3)]))
    assert "on these tasks a may be as good" in level[0]
    assert "on these tasks it is ahead of a by +" in few[0] and "(95 % interval over test images). On other" in few[0]


def test_the_verdict_says_where_the_mean_of_the_groups_has_another_leader() -> None:
    found = [cell("a", "x", 0.9, 9), cell("a", "y", 0.9, 9), cell("b", "x", 0.8, 9), cell("b", "y", 0.8, 9)]
    others = [replace(cell(m, "z", at, 9), group="structured") for m, at in (("a", 0.5), ("b", 0.65))]
    sentences = told([*found, *others])
    assert "a has the highest mean accuracy over the 3 tasks, 76.7 %" in sentences[0]
    assert sentences[1] == "By the mean of the group means b leads, 72.5 %."
    assert not any("group means" in sentence for sentence in told(found))
    sure = told(counted([*found, *others]))[1]
    assert sure.startswith("By the mean of the group means b leads, 72.5 % (b minus a: 95 % interval +")


def test_a_verdict_needs_two_methods_and_a_common_task() -> None:
    assert told([cell("a", "x", 0.5, 9)]) == ["Only a has results, so there is nothing to compare it with."]
    assert "No task was finished by all" in told([cell("a", "x", 0.5, 9), cell("b", "y", 0.5, 9)])[0]


def test_a_sheet_has_every_method_and_at_most_so_many_figures() -> None:
    grid = grid_of(comparison(5, 24, 2))
    found = list(sheets(grid, compared(grid)))
    assert all(list(sheet.text.index) == list(METHODS[:5]) for sheet in found)
    assert all(len(sheet.text.columns) <= MOST for sheet in found[1:])
    tasks = [name for sheet in found[1:] for name in sheet.text.columns]
    assert sorted(tasks) == sorted(grid.label(task) for task in grid.tasks)
    assert grid.by_group(grid.tasks).keys() == {"natural", "specialized", "structured"} and FEW == 3
    assert "natural (8)" in found[0].text.columns


def test_the_command_names_what_was_run() -> None:
    found = {
        "network": NetworkFacts(None, {"pad_type": "same"}, "checkpoint", image_size=96, mean=[0.5], std=[0.5]),
        "tuning": TuningFacts("s", asked=10, sampler="random"),
    }
    cells = [result(m, "vtab1k/natural/a b", seed, **found) for m in ("lora", "knn") for seed in (0, 1)]
    assert command(grid_of(cells)) == (
        "python run_bench.py --methods lora knn --tasks 'vtab1k/natural/a b' --seeds 0 1 --backbone mobilenetv2_100 "
        "--checkpoint FILE --backbone-arg pad_type=same --image-size 96 --mean 0.5 --std 0.5 --tune 10 "
        "--sampler random --data DATA"
    )
    plain = grid_of([result(backbone="demo", environment=Environment("1", git="abc"))])
    assert command(plain) == "python run_bench.py --methods linear_probe --tasks demo/digits --backbone demo"
    assert ("code", ["abc"]) in facts(plain)


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


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to click in")
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
    (tmp_path / "clicked.html").write_text(text.replace("</body>", f"{click}</body>"), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    asked = [
        str(CHROMIUM),
        *flags,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
        f"file://{tmp_path}/clicked.html",
    ]
    dom = subprocess.run(asked, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "<title>cabd bacd descending</title>" in dom


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

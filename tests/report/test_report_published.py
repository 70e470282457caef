"""Published numbers beside ours: which rows, what keeps them from being compared, and where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from bench.records.cells import CellResult, DataFacts, NetworkFacts
from bench.records.store import Store
from bench.report import write_report
from bench.report.numbers import reference
from bench.report.numbers.grid import Grid, grids
from bench.report.numbers.reference import COLUMNS, FILES, REFERENCE, How, is_of, kind, lines, obstacle, read
from bench.report.tables.as_markdown import as_markdown
from bench.report.tables.published import figures, versus
from bench.spec import UserError
from tasks.vtab import ROWS
from tests.synthetic import comparison, result

VIT = "vit_base_patch16_224.orig_in21k"
JPEG = "vtab-1k folder, JPEG by Pillow"
GROUPS = {name: group for _, group, name in (recipe.name.split("/") for recipe in ROWS)}


def run(
    pipeline: str = JPEG, backbone: str = VIT, methods: int = 2, mean: float = 0.0, std: float = 1.0
) -> list[CellResult]:
    """Every method on the nineteen tasks; pixels from 0 to 1 are not normalised unless asked for."""
    fed = NetworkFacts(mean=[mean] * 3, std=[std] * 3)
    names = [recipe.name for recipe in ROWS]
    return [
        replace(one, task=name, group=name.split("/")[1], backbone=backbone,
                data=DataFacts(pipeline), network=fed)
        for one in comparison(methods, len(names), suite="vtab1k")
        for name in [names[int(one.task.rpartition("_")[2])]]
    ]  # fmt: skip


def grid_of(results: Sequence[CellResult]) -> Grid:
    (grid,) = grids(results)
    return grid


def test_every_task_has_a_column_and_the_means_are_those_published() -> None:
    assert set(COLUMNS) == set(GROUPS)
    groups = [[task for task in COLUMNS if GROUPS[task] == group] for group in ("natural", "specialized", "structured")]
    rows = [row for name in FILES for row in lines(REFERENCE / name)]
    whole = 0
    for row, one in zip(rows, read(REFERENCE), strict=True):
        *_, mean, group_mean = figures(one.accuracy, groups).values()
        if mean is not None and group_mean is not None:
            whole += 1
            assert 100 * mean == pytest.approx(float(row["mean19"]), abs=0.006)
            assert 100 * group_mean == pytest.approx(float(row["group_mean"]), abs=0.006)
    assert whole > 90 and len(rows) == 108


@pytest.mark.parametrize(
    ("backbone", "family"),
    [
        (VIT, "ViT-B/16"), ("vit_base_patch16_224", "ViT-B/16"), ("resnetv2_50x1_bit.goog_in21k", "ResNet-50 v2"),
        ("vit_large_patch14_dinov2.lvd142m", "DINOv2-L"), ("resnet50", None),
        ("vit_base_patch16_clip_224.openai", None), ("vit_base_patch32_224", None),
        ("vit_small_patch16_224", None), ("vit_large_patch16_224", "ViT-L/16"), ("resnetv2_50d_gn", None),
    ],
)  # fmt: skip
def test_rows_are_matched_by_network(backbone: str, family: str | None) -> None:
    found = {one.backbone for one in read(REFERENCE) if is_of(one, backbone)}
    assert bool(found) == (family is not None)
    assert all(family and name.startswith(family) for name in found)


@pytest.mark.parametrize(
    ("pipeline", "pixels"),
    [
        (JPEG, "JPEG copies"), ("vtab-1k folder, PNG by Pillow", ""), ("authors' files, PNG by Pillow", "original"),
        ("tensorflow-datasets 3.0.2 array_record, image files by Pillow", "original"),
        ("lossless PNG copy of: authors' files, JPEG by Pillow", "original"), ("", ""), ("None", ""),
    ],
)  # fmt: skip
def test_pipelines_are_told_apart(pipeline: str, pixels: str) -> None:
    assert kind(pipeline) == pixels


def test_every_row_is_said_to_be_measured_somehow() -> None:
    found = {one.method: one.how for one in read(REFERENCE)}
    assert found["OSU:lora"] == How("JPEG copies", "orig_in21k", "none", "last")
    assert found["OSU-best-on-test:lora"].epoch == "best on test"
    starred = {name for name, how in found.items() if how.weights == "augreg_in21k"}
    assert starred == {"VPETL:SSF", "HTA-paper:ARC*", "HTA-paper:RLRR*", "HTA-paper:HTA*"}
    assert {name for name, how in found.items() if not how.weights and not name.startswith("PSOFT")} == {
        f"VPETL:{name}" for name in ("Hydra", "LST", "HST", "GPS", "LAST", "SNF")
    }
    patterns = [row["rows"] for row in lines(REFERENCE / "pipelines.csv")]
    assert all(any(fnmatchcase(name, one) for name in found) for one in patterns)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (How("original", "w", "0.5", "last"), ""), (How("original", "w", "0.5", ""), ""),
        (How("JPEG copies", "w", "0.5", "last"), "other images"), (How("", "w", "0.5", "last"), "images or"),
        (How("original", "w", "", "last"), "images or"), (How("original", "w", "none", "last"), "inputs normalised"),
        (How("original", "w", "0.5", "best on test"), "best test epoch"),
    ],
)  # fmt: skip
def test_what_keeps_a_row_from_being_compared(row: How, reason: str) -> None:
    found = obstacle(row, How("original", "w", "0.5", "last"))
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_rows_of_other_images_are_shown_and_not_compared() -> None:
    table, _ = versus([grid_of(run())], ["published"]).tables
    mine, same = table.sections["this run"], table.sections["[1] published"]
    assert [method for _, method in mine] == ["linear_probe", "fine_tune"]
    assert ("[1] published", "OSU:lora") in same and "[1] OSU-MLB/ViT_PEFT_Vision@cea7e21" in table.note
    best = "[1] published, not comparable: best test epoch kept"
    assert (best, "OSU-best-on-test:lora") in table.sections[best]
    apart = ["not comparable" in title for title, _ in table.text.index]
    unknown = [title for title in table.sections if "not comparable: images or their normalisation not known" in title]
    assert any((title, "VPETL:LoRA") in table.sections[title] for title in unknown)
    assert not table.place[apart].any(axis=None)
    shown = table.text[[not one for one in apart]].astype(float)
    assert ((shown == shown.max()) == (table.place.loc[shown.index] == 1)).all(axis=None)
    assert "| OSU:lora | 91.4 | 70.2 |" in as_markdown(table)

    (original, _) = versus([grid_of(run("authors' files, PNG by Pillow"))], ["published"]).tables
    assert any("not comparable: other images" in title for title in original.sections)
    assert not any(title.endswith("published") for title in original.sections)
    (scaled, _) = versus([grid_of(run(mean=0.5, std=0.5))], ["published"]).tables
    assert any("not comparable: inputs normalised otherwise" in title for title in scaled.sections)


def test_rows_on_other_weights_stand_in_a_table_of_their_own() -> None:
    table, others = versus([grid_of(run(backbone="vit_base_patch16_224.augreg_in21k"))], ["published"]).tables
    assert {method for _, method in table.text.index} == {
        "linear_probe", "fine_tune", "VPETL:SSF", "HTA-paper:ARC*", "HTA-paper:RLRR*", "HTA-paper:HTA*"
    }  # fmt: skip
    assert "OSU:lora" in others.text.index.get_level_values(1) and "linear_probe" not in as_markdown(others)
    assert any("weights not known" in title for title in others.sections) and not others.place.any(axis=None)
    assert len(table.text) - 2 + len(others.text) == sum(is_of(one, VIT) for one in read(REFERENCE))

    found = versus([grid_of(run(backbone="vit_base_patch16_224.mae"))], ["published"])
    (alone,) = found.tables
    assert "OSU:lora" in alone.text.index.get_level_values(1) and "linear_probe" not in as_markdown(alone)
    assert "on the weights of vit_base_patch16_224.mae" in found.sentences[0]


def test_mixed_images_are_not_compared_either() -> None:
    mixed = [replace(one, data=DataFacts(JPEG if "dtd" in one.task else "?")) for one in run()]
    table, _ = versus([grid_of(mixed)], ["published"]).tables
    assert "images of different or unknown kind" in table.note
    assert all(title == "this run" or "not comparable" in title for title in table.sections)


def test_a_few_tasks_are_compared_over_these_alone() -> None:
    few = [one for one in run() if one.task.endswith(("/dtd", "/svhn", "/eurosat"))]
    table, _ = versus([grid_of(few)], ["published"]).tables
    assert tuple(table.text.columns) == ("dtd", "svhn", "eurosat", "mean of 3", "mean of 2 groups")
    numbers = [float(text) for text in table.text.xs("OSU:lora", level=1).iloc[0]]
    assert numbers[3] == pytest.approx(sum(numbers[:3]) / 3, abs=0.1)
    assert numbers[4] == pytest.approx((sum(numbers[:2]) / 2 + numbers[2]) / 2, abs=0.1)


def test_where_nothing_is_published_a_sentence_says_so() -> None:
    assert versus([], []).sentences == ()
    none = versus([grid_of([result()])], ["published"])
    assert none.tables == () and "there is no result on any of its tasks" in none.sentences[0]
    other = versus([grid_of(run(backbone="resnet50"))], ["published"])
    assert other.tables == () and other.sentences[0].startswith("No published numbers are known for resnet50")
    with pytest.raises(UserError, match="no numbers named 'papers'"):
        versus([], ["papers"])


def test_missing_files_are_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "REFERENCE", tmp_path)
    with pytest.raises(UserError, match=r"cannot read .*pipelines\.csv; fetch results/reference"):
        versus([grid_of(run())], ["published"])


def test_the_report_has_it_when_asked(tmp_path: Path) -> None:
    for one in run():
        Store(tmp_path).append(one)
    plain = {path.name: path for path in write_report(tmp_path).paths}
    assert "OSU:lora" not in plain["table.md"].read_text(encoding="utf-8")
    asked = {path.name: path for path in write_report(tmp_path, ["published"]).paths}
    assert all("OSU:lora" in asked[f"table.{kind}"].read_text(encoding="utf-8") for kind in ("md", "tex"))

"""Predict: an exported folder answers as what was evaluated, and what cannot be used says why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bench.backbone.weights import DEMO_FILE
from bench.commands import predict
from bench.export import NOTE
from bench.predict import load_adapted
from bench.spec import UserError
from tests.command_line import bench
from tests.conftest import REPOSITORY
from tests.winner import CLASSES, Exports, names

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
FRESH = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
from bench.images.pixels import decoded
from bench.predict import Pictures, load_adapted

out, exported, *images = map(Path, sys.argv[1:])
logits = {}
for folder in sorted(exported.iterdir()):
    loaded = load_adapted(folder, device="cpu")
    batches = decoded(Pictures(images), loaded.backbone.image_size, 5)
    with torch.no_grad():
        logits[folder.name] = torch.cat([loaded.adapted.logits(batch) for batch in batches])
save_file(logits, out)
"""


@pytest.fixture(scope="module")
def fresh(exports: Exports) -> dict[str, Tensor]:
    """The logits of every exported folder on the test images' files, in a process that has seen nothing else."""
    out = exports.home / "fresh.safetensors"
    subprocess.run(
        [sys.executable, "-c", FRESH, out, exports.home / "exported", *exports.images],
        cwd=REPOSITORY, check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    found: dict[str, Tensor] = load_file(out)
    return found


@pytest.mark.parametrize("name", names())
def test_a_fresh_process_answers_as_what_was_evaluated(name: str, exports: Exports, fresh: dict[str, Tensor]) -> None:
    assert fresh[name].shape == (len(exports.images), 3)
    assert torch.allclose(fresh[name], exports.logits[name], rtol=0, atol=1e-5)


def test_the_command_line_exports_and_predicts(exports: Exports, tmp_path: Path) -> None:
    key = exports.results["linear_probe"].key
    said = bench("export", key[:9], "--to", tmp_path / "new" / "probe", "--results", exports.store.folder).stdout
    assert said.splitlines()[-1] == f"Use it:  python run_bench.py predict {tmp_path / 'new' / 'probe'} IMAGES"
    broken = tmp_path / "broken.png"
    broken.write_bytes(exports.images[0].read_bytes()[:200])
    asked = [exports.images[0], broken, exports.images[1]]
    done = bench("predict", tmp_path / "new" / "probe", "--json", *asked, code=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["image"] for row in rows] == [str(path) for path in asked]
    assert "cannot be decoded" in rows[1]["error"] and done.stderr == ""
    likely = exports.logits["linear_probe"][:2].softmax(1)
    for row, wanted in zip((rows[0], rows[2]), likely, strict=True):
        assert row["class"] == CLASSES[wanted.argmax()]
        assert [row["top"][name] for name in CLASSES] == pytest.approx(wanted.tolist(), abs=1e-5)
        assert row["probability"] == max(row["top"].values())


def test_a_folder_of_images_as_a_table(exports: Exports, capsys: pytest.CaptureFixture[str]) -> None:
    photos = exports.home / "photos"
    assert predict.show([str(exports.folder("fine_tune")), str(photos)], None, "cpu", 1, False) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", "class", "probability", "next"]
    assert [row.split()[0] for row in rows] == sorted(str(path) for path in photos.rglob("*.png"))
    assert {row.split()[1] for row in rows} <= set(CLASSES)
    assert all(row.split()[2].endswith("%") and len(row.split()) == 3 for row in rows)


def test_a_broken_image_is_told_and_the_others_go_on(
    exports: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        shutil.copy(exports.images[number], tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_text("no image")
    (tmp_path / "notes.txt").write_text("not asked for")
    assert predict.show([str(exports.folder("head2toe")), str(tmp_path)], None, "cpu", 3, False) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3
    why = "is not an image; put a whole copy in its place, or remove it"
    left = f"warning: of {tmp_path} were not read: 1 .txt file (notes.txt)\n"
    assert said.err == f"{left}run_bench.py: {tmp_path / '1.png'} {why}\n"


@pytest.fixture
def copy(exports: Exports, tmp_path: Path) -> Path:
    """An exported folder to damage."""
    return Path(shutil.copytree(exports.folder("head2toe"), tmp_path / "copy"))


def alter(folder: Path, **changes: Any) -> None:
    """Changes fields of the exported page."""
    page = json.loads((folder / NOTE).read_text())
    (folder / NOTE).write_text(json.dumps({**page, **changes}))


def refusal(folder: Path, *images: object, checkpoint: Path | None = None) -> str:
    """What `predict` says when it refuses."""
    with pytest.raises(UserError) as error:
        predict.show([str(folder), *map(str, images)], checkpoint, "cpu", 3, False)
    return str(error.value)


def test_what_is_no_export_or_damaged(exports: Exports, copy: Path, tmp_path: Path) -> None:
    image = exports.images[0]
    assert f"has no {NOTE}; name a folder that `run_bench.py export" in refusal(tmp_path, image)
    assert f"has no {NOTE}" in refusal(tmp_path / "nowhere", image)
    whole = (copy / NOTE).read_text()
    for text in ("", "{}", "[1]", whole[:100], whole.replace('"image_size"', '"size"')):
        (copy / NOTE).write_text(text)
        assert "is damaged; export the cell again" in refusal(copy, image)
    (copy / NOTE).write_text(whole)
    alter(copy, registered="forgotten")
    assert "there is no method 'forgotten' here" in refusal(copy, image)
    alter(copy, registered="linear_probe")
    assert "linear_probe here does not take" in refusal(copy, image)
    (copy / NOTE).write_text(whole)
    delta = copy / "delta.safetensors"
    delta.write_bytes(delta.read_bytes()[:-4])
    assert "is missing or not what was exported" in refusal(copy, image)
    delta.unlink()
    assert "is missing or not what was exported" in refusal(copy, image)


def test_a_folder_that_an_older_version_exported_is_read(copy: Path, exports: Exports) -> None:
    """It names the method by its label alone."""
    page = json.loads((copy / NOTE).read_text())
    del page["registered"]
    (copy / NOTE).write_text(json.dumps({**page, "method": "head2toe:target=64 (oracle)"}))
    loaded = load_adapted(copy, device="cpu")
    with torch.no_grad():
        logits = loaded.adapted.logits(exports.pixels)
    assert torch.allclose(logits, exports.logits["head2toe"], rtol=0, atol=1e-5)
    alter(copy, method="forgotten:target=64")
    assert "there is no method 'forgotten' here" in refusal(copy, exports.images[0])


def test_no_images(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no image was named" in refusal(copy)
    assert "there is no image nowhere.png" in refusal(copy, "nowhere.png")
    assert "empty has no images; they end in .jpg" in refusal(copy, tmp_path / "empty")
    with pytest.raises(UserError, match="write `predict DIR IMAGES`"):
        predict.show([], None, "cpu", 3, False)


def test_weights_of_another_backbone(exports: Exports, copy: Path, tmp_path: Path, capsys: Any) -> None:
    image = exports.images[0]
    other = tmp_path / "other.safetensors"
    shutil.copy(exports.store.delta(exports.results["scratch"].key), other)
    assert "does not hold the weights of resnet18 that were adapted" in refusal(copy, image, checkpoint=other)
    assert "there is no checkpoint file" in refusal(copy, image, checkpoint=tmp_path / "none.safetensors")
    same = tmp_path / "moved.safetensors"
    shutil.copy(DEMO_FILE, same)
    assert predict.show([str(copy), str(image)], same, "cpu", 3, True) == 0
    page = json.loads((copy / NOTE).read_text())
    gone = {**page["backbone"], "weights_digest": "sha256:0", "checkpoint": str(tmp_path / "gone.safetensors")}
    alter(copy, backbone=gone)
    assert f"{tmp_path / 'gone.safetensors'}, are not here; name their file with --checkpoint" in refusal(copy, image)
    alter(copy, backbone={**page["backbone"], "weights": "a1_in1k", "weights_digest": "hub:resnet18"})
    capsys.readouterr()
    load_adapted(copy, same, "cpu")
    assert "cannot be checked" in capsys.readouterr().err

"""Export and predict: what leaves the results folder answers as what was judged, and what cannot be used says why."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

import methods  # noqa: F401  registers the methods
import tasks  # noqa: F401  registers the tasks
from bench.backbone.network import load
from bench.backbone.weights import DEMO_FILE
from bench.commands import predict
from bench.commands.export import export_cell
from bench.costs.budget import Budget
from bench.export import NOTE, Interchangeable, export, method_of, tensor_names
from bench.images.pixels import pixels
from bench.predict import load_adapted
from bench.records.cells import CellResult
from bench.records.store import Store
from bench.registry import METHODS, TASKS, Label
from bench.runs import runner
from bench.runs.plan import plan
from bench.spec import BackboneSpec, UserError
from tests.conftest import REPOSITORY
from tests.methods.test_contract import quick

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
CPU = torch.device("cpu")
NAMES = [name for name, _ in METHODS.items()]
CLASSES = ["bands", "dots", "plain"]


@dataclass(frozen=True)
class Judged:
    """A results folder of every method on a folder of images, and the logits that were judged."""

    home: Path
    store: Store
    results: dict[str, CellResult]  # by method
    logits: dict[str, Tensor]  # of the test images
    images: list[Path]  # the test images
    pixels: Tensor  # of them, uint8 (n, 3, size, size)

    def exported(self, name: str) -> Path:
        return self.home / "exported" / name


def draw(photos: Path) -> None:
    """A few pictures of no particular size a class."""
    dice = np.random.default_rng(0)
    for label, name in enumerate(CLASSES):
        (photos / name).mkdir(parents=True)
        for number in range(12):
            height, width = dice.integers(30, 60, 2)
            picture = dice.normal(60 + 70 * label, 12, (height, width, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(picture).save(photos / name / f"{number}.png")


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """Every registered method, run by the harness, its logits listened to as they are judged, and exported."""
    home = tmp_path_factory.mktemp("winner")
    draw(home / "photos")
    backbone, store = load(BackboneSpec("demo"), CPU), Store(home / "results")
    chosen = TASKS.select([f"folder:{home / 'photos'}"])
    cells = [
        replace(cell, method=quick(cell.label.text))
        for cell in plan(dict(METHODS.items()), chosen, BackboneSpec("demo"), [0], home).cells
    ]
    test: Any = cells[0].found.load().tests["test"].images
    shown = pixels(test, backbone.image_size)
    logits: dict[int, Tensor] = {}
    real = runner.judge

    def listen(network: Any, adapted: Any, *more: Any) -> Any:
        logits.update({len(logits) + at: one.logits(shown).clone() for at, one in enumerate(adapted)})
        return real(network, adapted, *more)

    with pytest.MonkeyPatch.context() as patch, store.lock():
        patch.setattr(runner, "judge", listen)
        results = runner.run(cells, runner.Session(store, Budget(), backbone))
    assert [one.reason for one in results] == [None] * len(NAMES)
    by_method = {one.method: one for one in results}
    heard = {one.method: logits[at] for at, one in enumerate(results)}
    made = Judged(home, store, by_method, heard, [home / "photos" / name for name in test.images.names], shown)
    for name in NAMES:
        export(by_method[name], store, made.exported(name))
    yield made


FRESH = """
import sys
from pathlib import Path
import torch
from safetensors.torch import save_file
import methods
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
def fresh(judged: Judged) -> dict[str, Tensor]:
    """The logits of every exported folder on the test images' files, in a process that has seen nothing else."""
    out = judged.home / "fresh.safetensors"
    subprocess.run(
        [sys.executable, "-c", FRESH, out, judged.home / "exported", *judged.images],
        cwd=REPOSITORY, check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    found: dict[str, Tensor] = load_file(out)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_fresh_process_answers_as_what_was_judged(name: str, judged: Judged, fresh: dict[str, Tensor]) -> None:
    assert fresh[name].shape == (len(judged.images), 3)
    assert torch.allclose(fresh[name], judged.logits[name], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exported_is_what_was_stored_and_a_page(name: str, judged: Judged) -> None:
    folder, result = judged.exported(name), judged.results[name]
    page = json.loads((folder / NOTE).read_text())
    delta = folder / page["delta"]
    assert delta.stat().st_size == result.cost.stored_bytes
    assert delta.read_bytes() == judged.store.delta(result.key).read_bytes()
    others = {path.name for path in folder.iterdir()} - {NOTE, delta.name}
    method = quick(name)
    assert others == (set(method.layout(tensor_names(delta))[1]) if isinstance(method, Interchangeable) else set())
    assert page["classes"] == CLASSES
    assert (page["method"], page["params"]) == (name, json.loads(json.dumps(result.params)))
    assert (page["accuracy"], page["source"]["key"]) == (result.accuracy, result.key)


def inputs(page: dict[str, Any], images: Tensor) -> Tensor:
    how = page["preprocessing"]
    mean, std = (torch.tensor(how[name]).view(-1, 1, 1) for name in ("mean", "std"))
    return (images.float() / 255 - mean) / std


def test_lora_loads_with_peft_alone(judged: Judged) -> None:
    from peft import PeftModel

    page = json.loads((judged.exported("lora") / NOTE).read_text())
    pretrained = len(load_file(DEMO_FILE)["fc.bias"])
    base = timm.create_model(
        page["backbone"]["timm"], num_classes=pretrained, checkpoint_path=DEMO_FILE, **page["backbone"]["args"]
    )
    base.reset_classifier(len(page["classes"]))
    network = PeftModel.from_pretrained(base, judged.exported("lora")).eval()
    with torch.no_grad():
        answer = network(inputs(page, judged.pixels))
    assert torch.allclose(answer, judged.logits["lora"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["fine_tune", "scratch"])
def test_whole_networks_load_with_timm_alone(name: str, judged: Judged) -> None:
    folder = judged.exported(name)
    page = json.loads((folder / NOTE).read_text())
    network = timm.create_model(
        page["backbone"]["timm"], num_classes=3, checkpoint_path=folder / page["delta"], **page["backbone"]["args"]
    ).eval()
    with torch.no_grad():
        answer = network(inputs(page, judged.pixels))
    assert torch.allclose(answer, judged.logits[name], rtol=0, atol=1e-5)


def bench(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, REPOSITORY / "run_bench.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_the_command_line_exports_and_predicts(judged: Judged, tmp_path: Path) -> None:
    key = judged.results["linear_probe"].key
    said = bench("export", key[:9], "--to", tmp_path / "new" / "probe", "--results", judged.store.folder).stdout
    assert said.splitlines()[-1] == f"Use it:  python run_bench.py predict {tmp_path / 'new' / 'probe'} IMAGES"
    broken = tmp_path / "broken.png"
    broken.write_bytes(judged.images[0].read_bytes()[:200])
    asked = [judged.images[0], broken, judged.images[1]]
    done = bench("predict", tmp_path / "new" / "probe", "--json", *asked, code=1)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["image"] for row in rows] == [str(path) for path in asked]
    assert "cannot be decoded" in rows[1]["error"] and done.stderr == ""
    likely = judged.logits["linear_probe"][:2].softmax(1)
    for row, wanted in zip((rows[0], rows[2]), likely, strict=True):
        assert row["class"] == CLASSES[wanted.argmax()]
        assert [row["top"][name] for name in CLASSES] == pytest.approx(wanted.tolist(), abs=1e-5)
        assert row["probability"] == max(row["top"].values())


def test_a_folder_of_images_as_a_table(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    photos = judged.home / "photos"
    assert predict.show([str(judged.exported("fine_tune")), str(photos)], None, "cpu", 1, False) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["image", "class", "probability", "next"]
    assert [row.split()[0] for row in rows] == sorted(str(path) for path in photos.rglob("*.png"))
    assert {row.split()[1] for row in rows} <= set(CLASSES)
    assert all(row.split()[2].endswith("%") and len(row.split()) == 3 for row in rows)


def test_a_broken_image_is_told_and_the_others_go_on(
    judged: Judged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        shutil.copy(judged.images[number], tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_text("no image")
    (tmp_path / "notes.txt").write_text("not asked for")
    assert predict.show([str(judged.exported("head2toe")), str(tmp_path)], None, "cpu", 3, False) == 1
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 3
    why = "is not an image; put a whole copy in its place, or remove it"
    assert said.err == f"run_bench.py: {tmp_path / '1.png'} {why}\n"


def test_the_list_of_what_can_be_exported(judged: Judged, capsys: pytest.CaptureFixture[str]) -> None:
    assert export_cell([], judged.store.folder, None) == 0
    rows = capsys.readouterr().out.splitlines()
    assert sorted(row.split()[1] for row in rows[1:]) == sorted(NAMES)
    assert all(any(one.key in row for row in rows) for one in judged.results.values())


def test_names_that_are_no_cell(judged: Judged, tmp_path: Path) -> None:
    results, key = judged.store.folder, judged.results["lora"].key

    def refused(*words: str, to: Path | None = tmp_path / "x", where: Path = results) -> str:
        with pytest.raises(UserError) as error:
            export_cell(words, where, to)
        return str(error.value)

    assert "did you mean" in refused(key[:-2] + "zz")
    assert key in refused(key[:-2] + "zz")
    assert "`export` alone lists what can be exported" in refused("nonsense")
    assert "names" in refused("all", "all") and "give the key of one" in refused("all", "all")
    assert "names no cell" in refused("lora", "all", "0")
    assert "name a new folder with --to DIR" in refused(key, to=None)
    assert "no cell is finished" in refused(key, where=tmp_path / "nowhere")
    assert not (tmp_path / "x").exists()


def test_cells_that_kept_nothing(judged: Judged, tmp_path: Path) -> None:
    store = Store(tmp_path)
    lora = judged.results["lora"]
    store.append(lora)
    store.append(replace(lora, key="1" * 16, status="failed", reason="out of memory"))
    store.append(replace(lora, key="2" * 16, stage="trial"))
    for key, why in [("1" * 16, "failed: out of memory"), ("2" * 16, "is a trial"), (lora.key, "is gone; run lora on")]:
        with pytest.raises(UserError, match=why):
            export_cell([key], tmp_path, tmp_path / "x")
    store.delta(lora.key).parent.mkdir()
    store.delta(lora.key).write_bytes(b"torn")
    with pytest.raises(UserError, match="is not what was evaluated; run lora on"):
        export_cell([lora.key], tmp_path, tmp_path / "x")
    shutil.copy(judged.store.delta(lora.key), store.delta(lora.key))
    store.append(replace(lora, data=replace(lora.data, classes=None)))
    with pytest.raises(UserError, match="does not say its classes"):
        export_cell([lora.key], tmp_path, tmp_path / "y")
    assert not (tmp_path / "y").exists()


def test_a_place_that_does_not_serve(judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lora = judged.results["lora"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    (tmp_path / "file").write_text("")
    for place, why in [("full", "is not empty"), ("file", "cannot write to"), ("file/below", "cannot write to")]:
        with pytest.raises(UserError, match=why):
            export(lora, judged.store, tmp_path / place)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]

    def no_room(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", no_room)
    with pytest.raises(UserError, match=r"No space left on device\); make room, or name another folder"):
        export(lora, judged.store, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.fixture
def copy(judged: Judged, tmp_path: Path) -> Path:
    return Path(shutil.copytree(judged.exported("head2toe"), tmp_path / "copy"))


def alter(folder: Path, **changes: Any) -> None:
    page = json.loads((folder / NOTE).read_text())
    (folder / NOTE).write_text(json.dumps({**page, **changes}))


def refusal(folder: Path, *images: object, checkpoint: Path | None = None) -> str:
    with pytest.raises(UserError) as error:
        predict.show([str(folder), *map(str, images)], checkpoint, "cpu", 3, False)
    return str(error.value)


def test_what_is_no_export_or_damaged(judged: Judged, copy: Path, tmp_path: Path) -> None:
    image = judged.images[0]
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


def test_a_folder_that_an_older_version_exported_is_read(copy: Path, judged: Judged) -> None:
    """It names the method by its label alone."""
    page = json.loads((copy / NOTE).read_text())
    del page["registered"]
    (copy / NOTE).write_text(json.dumps({**page, "method": "head2toe:target=64 (oracle)"}))
    loaded = load_adapted(copy, device="cpu")
    with torch.no_grad():
        logits = loaded.adapted.logits(judged.pixels)
    assert torch.allclose(logits, judged.logits["head2toe"], rtol=0, atol=1e-5)
    alter(copy, method="forgotten:target=64")
    assert "there is no method 'forgotten' here" in refusal(copy, judged.images[0])


def test_no_images(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no image was named" in refusal(copy)
    assert "there is no image nowhere.png" in refusal(copy, "nowhere.png")
    assert "empty has no images; they end in .jpg" in refusal(copy, tmp_path / "empty")
    with pytest.raises(UserError, match="write `predict DIR IMAGES`"):
        predict.show([], None, "cpu", 3, False)


def test_weights_of_another_backbone(judged: Judged, copy: Path, tmp_path: Path, capsys: Any) -> None:
    image = judged.images[0]
    other = tmp_path / "other.safetensors"
    shutil.copy(judged.store.delta(judged.results["scratch"].key), other)
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


def test_a_backbone_of_timms_own_with_a_file_named_in_the_record(tmp_path: Path) -> None:
    """Its file is found where the record says; a vision transformer at another size takes it again."""
    spec = BackboneSpec("test_vit", tmp_path / "vit.safetensors", image_size=96)
    torch.manual_seed(0)
    timm_network = timm.create_model("test_vit", num_classes=0)
    from safetensors.torch import save_file

    save_file(timm_network.state_dict(), spec.checkpoint)
    chosen = {name: dict(METHODS.items())[name] for name in ("lora",)}
    cells = plan(chosen, TASKS.select(["demo/cells"]), spec, [0], tmp_path).cells
    store = Store(tmp_path / "results")
    cells = [replace(cell, method=quick(cell.label.text)) for cell in cells]
    with store.lock():
        (result,) = runner.run(cells, runner.Session(store, Budget(), load(spec, CPU)))
    export(result, store, tmp_path / "exported")
    loaded = load_adapted(tmp_path / "exported", device="cpu")
    assert loaded.classes == [str(label) for label in range(5)]
    images = torch.randint(0, 256, (4, 3, 96, 96), dtype=torch.uint8)
    again = cells[0].method.restore(load(spec, CPU), load_file(store.delta(result.key)), 5)
    assert torch.allclose(loaded.adapted.logits(images), again.logits(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["head2toe:steps=20", "head2toe (oracle)", "head2toe:steps=20 (oracle)"])
def test_a_cell_named_after_its_hyper_parameters_is_taken_out_too(name: str) -> None:
    params = {**asdict(quick("head2toe")), "steps": 20}  # type: ignore[call-overload]
    assert method_of(Label.parse(name).name, params) == replace(quick("head2toe"), steps=20)  # type: ignore[type-var]

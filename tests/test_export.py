"""Export: what leaves the results folder is what was evaluated, and other libraries load it by themselves."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.backbone.network import load
from bench.backbone.weights import DEMO_FILE
from bench.commands.export import export_cell
from bench.costs.budget import Budget
from bench.export import NOTE, Interchangeable, export, method_of, tensor_names
from bench.predict import load_adapted
from bench.records import delta
from bench.records.store import Store
from bench.registry import METHODS, TASKS, Label
from bench.runs.plan import plan
from bench.runs.runner import run
from bench.runs.session import Session
from bench.spec import BackboneSpec, UserError
from tests.methods.test_contract import quick
from tests.winner import CLASSES, CPU, Exports, names

READS = {"head2toe_ft", "head2toe_ft_plus"}  # train the network, and read more of it than its head does
MERGE = {name for name in names() if METHODS.family(name) in ("weights", "low_rank") or name in ("ssf", "rep_adapter")}
MERGE -= READS
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports


@pytest.mark.parametrize("name", names())
def test_what_is_exported_is_what_was_stored_and_a_page(name: str, exports: Exports) -> None:
    folder, result = exports.folder(name), exports.results[name]
    page = json.loads((folder / NOTE).read_text())
    delta = folder / page["delta"]
    assert delta.stat().st_size == result.cost.stored_bytes
    assert delta.read_bytes() == exports.store.delta(result.key).read_bytes()
    others = {path.name for path in folder.iterdir()} - {NOTE, delta.name}
    method = quick(name)
    assert others == (set(method.layout(tensor_names(delta))[1]) if isinstance(method, Interchangeable) else set())
    assert page["classes"] == CLASSES
    assert (page["method"], page["params"]) == (name, json.loads(json.dumps(result.params)))
    assert (page["accuracy"], page["source"]["key"]) == (result.accuracy, result.key)


def inputs(page: dict[str, Any], images: Tensor) -> Tensor:
    """Network input (n, 3, size, size) from uint8 pixels, as the exported page says."""
    how = page["preprocessing"]
    mean, std = (torch.tensor(how[name]).view(-1, 1, 1) for name in ("mean", "std"))
    return (images.float() / 255 - mean) / std


def test_lora_loads_with_peft_alone(exports: Exports) -> None:
    from peft import PeftModel

    page = json.loads((exports.folder("lora") / NOTE).read_text())
    pretrained = len(load_file(DEMO_FILE)["fc.bias"])
    base = timm.create_model(
        page["backbone"]["timm"], num_classes=pretrained, checkpoint_path=DEMO_FILE, **page["backbone"]["args"]
    )
    base.reset_classifier(len(page["classes"]))
    network = PeftModel.from_pretrained(base, exports.folder("lora")).eval()
    with torch.no_grad():
        answer = network(inputs(page, exports.pixels))
    assert torch.allclose(answer, exports.logits["lora"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["fine_tune", "scratch"])
def test_whole_networks_load_with_timm_alone(name: str, exports: Exports) -> None:
    folder = exports.folder(name)
    page = json.loads((folder / NOTE).read_text())
    network = timm.create_model(
        page["backbone"]["timm"], num_classes=3, checkpoint_path=folder / page["delta"], **page["backbone"]["args"]
    ).eval()
    with torch.no_grad():
        answer = network(inputs(page, exports.pixels))
    assert torch.allclose(answer, exports.logits[name], rtol=0, atol=1e-5)


def test_the_list_of_what_can_be_exported(exports: Exports, capsys: pytest.CaptureFixture[str]) -> None:
    assert export_cell([], exports.store.folder, None) == 0
    rows = capsys.readouterr().out.splitlines()
    assert sorted(row.split()[1] for row in rows[1:]) == sorted(names())
    assert all(any(one.key in row for row in rows) for one in exports.results.values())


def test_names_that_are_no_cell(exports: Exports, tmp_path: Path) -> None:
    results, key = exports.store.folder, exports.results["lora"].key

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


def test_cells_that_kept_nothing(exports: Exports, tmp_path: Path) -> None:
    store = Store(tmp_path)
    lora = exports.results["lora"]
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
    shutil.copy(exports.store.delta(lora.key), store.delta(lora.key))
    store.append(replace(lora, data=replace(lora.data, classes=None)))
    with pytest.raises(UserError, match="does not say its classes"):
        export_cell([lora.key], tmp_path, tmp_path / "y")
    assert not (tmp_path / "y").exists()


def test_a_place_that_does_not_serve(exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lora = exports.results["lora"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("precious")
    (tmp_path / "file").write_text("")
    for place, why in [("full", "is not empty"), ("file", "cannot write to"), ("file/below", "cannot write to")]:
        with pytest.raises(UserError, match=why):
            export(lora, exports.store, tmp_path / place)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]

    def no_room(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", no_room)
    with pytest.raises(UserError, match=r"No space left on device\); make room, or name another folder"):
        export(lora, exports.store, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["head2toe:steps=20", "head2toe (oracle)", "head2toe:steps=20 (oracle)"])
def test_a_cell_named_after_its_hyper_parameters_is_taken_out_too(name: str) -> None:
    params = {**asdict(quick("head2toe")), "steps": 20}  # type: ignore[call-overload]
    assert method_of(Label.parse(name).name, params) == replace(quick("head2toe"), steps=20)  # type: ignore[type-var]


def test_a_backbone_of_timms_own_with_a_file_named_in_the_record(tmp_path: Path) -> None:
    """Its file is found where the record says; a vision transformer at another size takes it again."""
    spec = BackboneSpec("test_vit", tmp_path / "vit.safetensors", image_size=96)
    torch.manual_seed(0)
    timm_network = timm.create_model("test_vit", num_classes=0)
    save_file(timm_network.state_dict(), spec.checkpoint)
    chosen = {name: dict(METHODS.items())[name] for name in ("lora",)}
    cells = plan(chosen, TASKS.select(["demo/cells"]), spec, [0], tmp_path).cells
    store = Store(tmp_path / "results")
    cells = [replace(cell, method=quick(cell.label.text)) for cell in cells]
    with store.lock():
        (result,) = run(cells, Session(store, Budget(), load(spec, CPU)))
    export(result, store, tmp_path / "exported")
    loaded = load_adapted(tmp_path / "exported", device="cpu")
    assert loaded.classes == [str(label) for label in range(5)]
    images = torch.randint(0, 256, (4, 3, 96, 96), dtype=torch.uint8)
    again = cells[0].method.restore(load(spec, CPU), load_file(store.delta(result.key)), 5)
    assert torch.allclose(loaded.adapted.logits(images), again.logits(images), rtol=0, atol=1e-5)

    export_cell([result.key], store.folder, tmp_path / "plain", merge=True)
    page = json.loads((tmp_path / "plain" / "model.json").read_text())
    weights = tmp_path / "plain" / page["delta"]
    network = timm.create_model("test_vit", num_classes=5, img_size=96, checkpoint_path=weights).eval()
    with torch.no_grad():
        assert torch.allclose(network(inputs(page, images)), again.logits(images), rtol=0, atol=1e-5)


@pytest.mark.parametrize("store", ["bf16", "int8"])
def test_lora_in_another_format_is_predicted_with_and_loads_with_peft(
    store: str, exports: Exports, tmp_path: Path
) -> None:
    """The delta of the exported LoRA, written anew: peft and `predict` answer what is read back from the file."""
    from peft import PeftModel

    store_of, whole = Store(tmp_path / "results"), exports.results["lora"]
    path = store_of.delta("0" * 16)
    path.parent.mkdir(parents=True)
    delta.write(delta.read(exports.store.delta(whole.key)), path, store)
    cost = replace(whole.cost, stored_bytes=path.stat().st_size)
    export(replace(whole, key="0" * 16, store=store, cost=cost), store_of, tmp_path / "x")
    answer = load_adapted(tmp_path / "x", device="cpu").adapted.logits(exports.pixels)
    restored = quick("lora").restore(load(BackboneSpec("demo"), CPU), delta.read(path), 3).logits(exports.pixels)
    assert torch.allclose(answer, restored, rtol=0, atol=1e-5)
    base = load(BackboneSpec("demo"), CPU).network(3)
    network: Any = PeftModel.from_pretrained(base, tmp_path / "x").eval()
    page = json.loads((tmp_path / "x" / NOTE).read_text())
    with torch.no_grad():
        assert torch.allclose(network(inputs(page, exports.pixels)), restored, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", names())
def test_what_folds_is_a_plain_checkpoint_with_the_same_logits(name: str, exports: Exports, tmp_path: Path) -> None:
    """Heads and networks with parts of their own are refused in a sentence; what remains timm loads by itself."""
    key = exports.results[name].key
    if name in MERGE:
        export_cell([key], exports.store.folder, tmp_path / "x", merge=True)
        page = json.loads((tmp_path / "x" / "model.json").read_text())
        network = timm.create_model(
            page["backbone"]["timm"], num_classes=len(page["classes"]), **page["backbone"]["args"],
            checkpoint_path=tmp_path / "x" / "model.safetensors",
        ).eval()  # fmt: skip
        with torch.no_grad():
            answer = network(inputs(page, exports.pixels))
        assert torch.allclose(answer, exports.logits[name], rtol=0, atol=1e-5)
    else:
        with pytest.raises(UserError, match=r"nothing to merge|cannot be|parts that no network"):
            export_cell([key], exports.store.folder, tmp_path / "x", merge=True)
        assert not (tmp_path / "x").exists()

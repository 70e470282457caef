"""Backbones: weights from files, what does not fit, and what needs a network when there is none."""

from __future__ import annotations

import pickle
import time
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from bench.backbone.checkpoint import read_checkpoint
from bench.backbone.network import load
from bench.backbone.weights import weights_digest
from bench.spec import BackboneSpec, UserError

CPU = torch.device("cpu")


def saved(name: str, path: Path, **arguments: object) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    weights: dict[str, torch.Tensor] = timm.create_model(name, **arguments).state_dict()
    save_file(weights, path)
    return weights


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_a_checkpoint_gives_its_own_network(name: str, tmp_path: Path) -> None:
    weights = saved(name, tmp_path / "w.safetensors", num_classes=7)
    torch.save({"state_dict": {f"module.{key}": value for key, value in weights.items()}}, tmp_path / "w.pth")
    images = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    outputs = []
    for file in ("w.safetensors", "w.pth"):
        backbone = load(BackboneSpec(name, tmp_path / file, image_size=64), CPU)
        assert not any(weight.requires_grad for weight in backbone.module.parameters())
        with torch.no_grad():
            outputs.append(backbone.module(backbone.inputs(images)))
    assert outputs[0].shape == (2, 7)
    assert torch.equal(*outputs)


def test_a_headless_checkpoint_has_no_logits(tmp_path: Path) -> None:
    saved("test_resnet", tmp_path / "w.safetensors", num_classes=0)
    backbone = load(BackboneSpec("test_resnet", tmp_path / "w.safetensors"), CPU)
    assert isinstance(backbone.module.get_classifier(), torch.nn.Identity)
    assert isinstance(backbone.network(5).get_classifier(), torch.nn.Linear)


def test_a_copy_leaves_the_backbone_alone(tmp_path: Path) -> None:
    saved("test_resnet", tmp_path / "w.safetensors")
    backbone = load(BackboneSpec("test_resnet", tmp_path / "w.safetensors"), CPU)
    before, version = backbone.module.state_dict(), backbone.version()
    copy = backbone.network(4)
    with torch.no_grad():
        for weight in copy.parameters():
            weight.add_(1)
    assert all(weight.requires_grad for weight in copy.parameters())
    assert all(torch.equal(value, backbone.module.state_dict()[key]) for key, value in before.items())
    assert backbone.version() == version
    with torch.no_grad():
        next(backbone.module.parameters()).add_(0)
    assert backbone.version() != version


def test_scratch_has_none_of_the_weights(tmp_path: Path) -> None:
    weights = saved("test_resnet", tmp_path / "w.safetensors")
    backbone = load(BackboneSpec("test_resnet", tmp_path / "w.safetensors"), CPU)
    fresh = backbone.network(4, pretrained=False).state_dict()
    kernels = [key for key, value in weights.items() if value.ndim == 4]
    assert not any(torch.equal(fresh[key], weights[key]) for key in kernels)


def test_weights_of_another_network_are_told_in_one_screen(tmp_path: Path) -> None:
    saved("test_vit", tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="does not fit test_resnet") as error:
        load(BackboneSpec("test_resnet", tmp_path / "w.safetensors"), CPU)
    assert "missing (" in str(error.value)
    assert "unexpected (" in str(error.value)
    assert len(str(error.value).splitlines()) < 24


def test_another_width_is_told_with_both_shapes(tmp_path: Path) -> None:
    weights = saved("test_resnet", tmp_path / "w.safetensors")
    weights["conv1.0.weight"] = torch.zeros(5, 3, 3, 3)
    save_file(weights, tmp_path / "w.safetensors")
    with pytest.raises(UserError, match=r"conv1.0.weight \(5, 3, 3, 3\), the network has"):
        load(BackboneSpec("test_resnet", tmp_path / "w.safetensors"), CPU)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")  # torch says so before it refuses the content
def test_code_in_a_pickle_never_runs(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    (tmp_path / "w.pth").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UserError, match="cannot be read as weights alone"):
        read_checkpoint(tmp_path / "w.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"not weights"])
def test_a_damaged_file_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    for name in ("w.safetensors", "w.pth"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="cannot be read as weights alone"):
            read_checkpoint(tmp_path / name)


def test_names_and_files_that_are_not_there() -> None:
    with pytest.raises(UserError, match="there is no checkpoint file"):
        weights_digest(BackboneSpec("resnet50", Path("nowhere.safetensors")))
    with pytest.raises(UserError, match="timm has no backbone 'resnet5O'; did you mean 'resnet"):
        load(BackboneSpec("resnet5O"), CPU)


def test_an_argument_that_timm_does_not_take(tmp_path: Path) -> None:
    saved("test_resnet", tmp_path / "w.safetensors")
    with pytest.raises(UserError, match="does not take these arguments: colour=3"):
        load(BackboneSpec("test_resnet", tmp_path / "w.safetensors", {"colour": 3}), CPU)


def test_without_a_network_it_fails_within_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.backbone.network.HUB", ("127.0.0.1", 9))  # nothing listens there
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    began = time.monotonic()
    with pytest.raises(UserError, match="name the file with --checkpoint"):
        load(BackboneSpec("test_resnet.r160_in1k"), CPU)
    assert time.monotonic() - began < 8


def test_a_transformer_takes_another_image_size(tmp_path: Path) -> None:
    saved("test_vit", tmp_path / "w.safetensors")
    backbone = load(BackboneSpec("test_vit", tmp_path / "w.safetensors", image_size=96), CPU)
    with torch.no_grad():
        backbone.module(backbone.inputs(torch.zeros(1, 3, 96, 96, dtype=torch.uint8)))
    scratch = backbone.network(3, pretrained=False)
    assert scratch(backbone.inputs(torch.zeros(1, 3, 96, 96, dtype=torch.uint8))).shape == (1, 3)


def test_preprocessing_is_stated_or_timms(tmp_path: Path) -> None:
    saved("test_resnet", tmp_path / "w.safetensors")
    white = torch.full((1, 3, 8, 8), 255, dtype=torch.uint8)
    own = load(BackboneSpec("test_resnet", tmp_path / "w.safetensors", mean=(0.5,), std=(0.25,)), CPU)
    assert torch.allclose(own.inputs(white), torch.tensor(2.0))
    given = load(BackboneSpec("test_resnet", tmp_path / "w.safetensors"), CPU)
    assert given.describe()["mean"] == [round(value, 4) for value in given.module.default_cfg["mean"]]

"""Backbones: a timm network by its name, with weights from the hub, a file or the embedded demo."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from difflib import get_close_matches
from functools import cached_property
from hashlib import blake2b
from typing import Any

import timm
import torch
from huggingface_hub import constants
from torch import Tensor, nn

from bench.backbone.checkpoint import _fill, _head_size, read_checkpoint
from bench.backbone.compiled import Compiler
from bench.backbone.preprocess import told, viewer
from bench.backbone.taps import find_taps
from bench.backbone.weights import resolve
from bench.costs.precision import choose_precision, ieee_by_default
from bench.images.resize import to_size
from bench.spec import BackboneSpec, Tap, UserError

HUB = ("huggingface.co", 443)


class TimmBackbone:
    """A pretrained timm network in eval mode on a device, its weights frozen, with its preprocessing."""

    def __init__(self, spec: BackboneSpec, module: nn.Module, device: torch.device) -> None:
        """Raises UserError for a precision that the device has not."""
        ieee_by_default()
        config = timm.data.resolve_model_data_config(module)
        self.spec = spec
        cfg: Any = module.pretrained_cfg
        self.tag = "checkpoint" if spec.checkpoint else cfg.get("tag")  # which of timm's weights, where several exist
        self.image_size: int = spec.image_size or config["input_size"][-1]
        self.view = viewer(spec.preprocess, module, self.image_size)  # of pictures; None where they are stretched
        self.device, self.precision = device, choose_precision(spec.precision, device)
        self._compiler = Compiler() if spec.compile else None
        self.module = module.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
        self.mean: tuple[float, ...] = spec.mean or config["mean"]
        self.std: tuple[float, ...] = spec.std or config["std"]
        self._mean, self._std = _channels(self.mean, device), _channels(self.std, device)

    def inputs(self, images: Tensor) -> Tensor:
        """Normalised input, float (batch, 3, size, size), from uint8 pixels (batch, 3, height, width)."""
        pixels = to_size(images.to(self.device), self.image_size)
        scaled = (pixels.float() / 255 - self._mean) / self._std
        return scaled.to(memory_format=torch.channels_last)

    def computing(self, trained: bool) -> AbstractContextManager[None]:
        """The number formats in which the frozen network runs, or a `trained` copy in training and evaluation."""
        return self.precision.computing(trained)

    def network(self, classes: int, *, pretrained: bool = True) -> nn.Module:
        """A trainable copy with a fresh head of `classes` outputs; with random weights if not `pretrained`.

        What is random is drawn on the CPU, so that a seed means the same on every device.
        """
        if pretrained:
            module = deepcopy(self.module).cpu()
            module.reset_classifier(classes)  # type: ignore[operator]
        else:
            module = _create(self.spec, num_classes=classes)
            _set_image_size(module, self.spec)
        module.requires_grad_(True)
        placed: nn.Module = module.to(self.device).to(memory_format=torch.channels_last)
        if self._compiler is not None:
            self._compiler(placed)
        return placed

    @property
    def compiled(self) -> bool:
        """Whether what is trained is compiled; not where that failed."""
        return self._compiler is not None and self._compiler.works

    def version(self) -> int:
        """A number that changes when any weight or statistic of the network is written to."""
        return sum(tensor._version for tensor in (*self.module.parameters(), *self.module.buffers()))

    @cached_property
    def taps(self) -> Sequence[Tap]:
        """Every place where Head2Toe may read it, in the order in which the network computes them."""
        return find_taps(self.module, self.image_size)

    @cached_property
    def digest(self) -> str:
        """The network's class, and a digest of its tensors."""
        digest = blake2b(digest_size=16)
        for name, tensor in self.module.state_dict().items():
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
        return f"{type(self.module).__name__} {digest.hexdigest()}"

    def describe(self) -> dict[str, Any]:
        """What a record says of the network and its preprocessing."""
        return {
            "name": self.spec.name,
            "args": dict(self.spec.args),
            "weights": self.tag,
            "image_size": self.image_size,
            "mean": list(self.mean),
            "std": list(self.std),
            "precision": self.spec.precision,
            "compile": self.spec.compile,
            "resize": told(self.view),
        }


def load(asked: BackboneSpec, device: torch.device) -> TimmBackbone:
    """The backbone of a spec with its weights. Raises UserError where the name, the file or the hub gives none, and
    for a precision that the device has not.
    """
    choose_precision(asked.precision, device)  # told before any weights are read
    spec = resolve(asked)
    if spec.checkpoint is None:
        module = _from_hub(spec)
    else:
        state = read_checkpoint(spec.checkpoint)
        module = _create(spec, **_head_size(spec, state))
        _fill(module, state, spec)
    _set_image_size(module, spec)
    return TimmBackbone(spec, module, device)


def unloaded(asked: BackboneSpec) -> tuple[nn.Module, int]:
    """The network of a spec and its image size. Weights of a file are loaded; those of the hub stay random."""
    spec = resolve(asked)
    if spec.checkpoint is not None:
        loaded = load(asked, torch.device("cpu"))
        return loaded.module, loaded.image_size
    classes = timm.get_pretrained_cfg_value(spec.name, "num_classes") if timm.is_model(spec.name) else None
    module = _create(spec, **({} if classes is None else {"num_classes": classes})).eval()
    _set_image_size(module, spec)
    return module, spec.image_size or timm.data.resolve_model_data_config(module)["input_size"][-1]


def _create(spec: BackboneSpec, **more: Any) -> nn.Module:
    """A timm network with random weights; raises UserError for a name or an argument that timm does not know."""
    try:
        network: nn.Module = timm.create_model(spec.name, **spec.args, **more)
        return network
    except (TypeError, AssertionError, ValueError, KeyError) as error:
        given = ", ".join(f"{key}={value}" for key, value in spec.args.items())
        raise UserError(f"timm's {spec.name} does not take these arguments: {given} ({_first(error)})") from error
    except RuntimeError as error:
        close = get_close_matches(spec.name.split(".")[0], timm.list_models(), n=1, cutoff=0.5)
        remedy = f"did you mean {close[0]!r}?" if close else "timm.list_models() names all of them"
        raise UserError(f"timm has no backbone {spec.name!r}; {remedy}") from error


def _from_hub(spec: BackboneSpec) -> nn.Module:
    """Pretrained weights from the local cache or the hub; without either it says so within seconds."""
    try:
        with _offline_unless_reachable():
            if timm.is_model_pretrained(spec.name):
                return _create(spec, pretrained=True)
    except OSError as error:
        raise UserError(
            f"the weights of {spec.name} are not in the local cache and the hub cannot be reached; "
            "download them elsewhere and name the file with --checkpoint"
        ) from error
    _create(spec)  # an unknown name is told with its remedy
    raise UserError(f"timm has no pretrained weights for {spec.name!r}; name a file with --checkpoint")


@contextmanager
def _offline_unless_reachable() -> Iterator[None]:
    """Tells huggingface_hub to use its cache alone where the hub does not answer, instead of retrying for minutes."""
    before = constants.HF_HUB_OFFLINE
    try:
        socket.create_connection(HUB, timeout=3).close()
    except OSError:
        constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _set_image_size(module: nn.Module, spec: BackboneSpec) -> None:
    """Sets the input size of networks that are built for one size, such as vision transformers."""
    if spec.image_size and getattr(module, "set_input_size", None) is not None:
        module.set_input_size(  # type: ignore[operator]
            img_size=(spec.image_size, spec.image_size)
        )


def _channels(values: tuple[float, ...], device: torch.device) -> Tensor:
    """(channels, 1, 1), so that it broadcasts over pixels; one value serves all channels."""
    return torch.tensor(values, device=device).view(-1, 1, 1)


def _first(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

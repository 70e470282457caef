"""Uses an exported folder: restores the adapted backbone and names the classes of images, as fast as it can run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
from safetensors.torch import load_file
from torch import Tensor

from bench.backbone.network import TimmBackbone, load
from bench.backbone.weights import DEMO_FILE, weights_digest
from bench.costs.device import find_device
from bench.export import NOTE, Note, file_digest, method_of
from bench.images.decode import rgb
from bench.images.pixels import decoded
from bench.registry import Label
from bench.spec import Adapted, BackboneSpec, UserError

BATCH = 128  # images a forward pass


@dataclass(frozen=True)
class Loaded:
    """An exported folder ready for use."""

    backbone: TimmBackbone
    adapted: Adapted
    classes: Sequence[str]

    def probabilities(self, images: Tensor) -> Tensor:
        """(batch, classes) on the CPU, from uint8 pixels (batch, 3, size, size)."""
        return self.adapted.logits(images).softmax(1).cpu()


class Pictures:
    """Image files; one that cannot be read is noted with its reason, and a black image stands in for it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.reasons: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3), turned as the camera says."""
        path = self.paths[index]
        try:
            return rgb(path.read_bytes(), str(path), upright=True)
        except UserError as error:
            self.reasons[index] = str(error)
        except OSError as error:
            self.reasons[index] = f"{path} cannot be read ({error.strerror})"
        return np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True)
class Prediction:
    """The likeliest classes of one image with their probabilities, the likeliest first; or why there are none."""

    image: str
    classes: Sequence[tuple[str, float]] = ()
    error: str = ""

    def line(self) -> str:
        """As one line of JSON."""
        if self.error:
            return json.dumps({"image": self.image, "error": self.error})
        best, probability = self.classes[0]
        top = {name: round(value, 6) for name, value in self.classes}
        return json.dumps({"image": self.image, "class": best, "probability": round(probability, 6), "top": top})

    def row(self, image_width: int, class_width: int) -> str:
        """As one line of a table."""
        (best, probability), *others = self.classes
        rest = ", ".join(f"{name} {value:.1%}" for name, value in others)
        return f"{self.image:<{image_width}}  {best:<{class_width}}  {probability:>11.1%}  {rest}".rstrip()


def predict(loaded: Loaded, paths: Sequence[Path], top: int) -> Iterator[list[Prediction]]:
    """The `top` likeliest classes of every image in order, a batch at a time, the next being decoded meanwhile."""
    pictures = Pictures(paths)
    done = 0
    for images in decoded(pictures, loaded.backbone.image_size, BATCH):
        values, labels = loaded.probabilities(images).topk(min(top, len(loaded.classes)))
        predictions = []
        for number, (some, at) in enumerate(zip(values.tolist(), labels.tolist(), strict=True), done):
            named = [(loaded.classes[label], value) for label, value in zip(at, some, strict=True)]
            reason = pictures.reasons.pop(number, "")
            predictions.append(Prediction(str(paths[number]), () if reason else named, reason))
        done += len(images)
        yield predictions


def load_adapted(folder: Path, checkpoint: Path | None = None, device: str = "auto") -> Loaded:
    """The adapted backbone in an exported folder, on a device; `checkpoint` is the backbone's file where it moved.

    Raises UserError when the folder is no export or damaged, and when the backbone's weights are not the same.
    """
    note = read_note(folder)
    path = folder / Path(note.delta).name
    if not path.is_file() or file_digest(path) != note.sha256:
        raise UserError(f"{path} is missing or not what was exported; export it again")
    backbone = load(backbone_spec(note, checkpoint), find_device(device))
    try:
        stored = load_file(path)
        method = method_of(note.registered or Label.parse(note.method).name, note.params)
        adapted = method.restore(backbone, stored, len(note.classes))
    except (safetensors.SafetensorError, KeyError, RuntimeError) as error:
        raise UserError(f"{path} does not fit {note.method} on {note.backbone['timm']}; export it again") from error
    return Loaded(backbone, adapted, note.classes)


def read_note(folder: Path) -> Note:
    """What an exported folder says of itself. Raises UserError when it says nothing or is damaged."""
    path = folder / NOTE
    if not path.is_file():
        raise UserError(f"{folder} has no {NOTE}; name a folder that `run_bench.py export KEY --to DIR` wrote")
    try:
        note = Note(**json.loads(path.read_text(encoding="utf-8")))
        stated_spec(note, None)
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise UserError(f"{path} is damaged; export the cell again") from error
    return note


def stated_spec(note: Note, checkpoint: Path | None) -> BackboneSpec:
    """The backbone as the note describes it, with its weights from a file or, without one, from timm."""
    given, how = note.backbone, note.preprocessing
    name = str(given["timm"])
    if str(given["weights_digest"]).startswith("hub:") and given["weights"] and "." not in name:
        name = f"{name}.{given['weights']}"  # another timm may have other weights as its default
    return BackboneSpec(name, checkpoint, given["args"], how["image_size"], tuple(how["mean"]), tuple(how["std"]))


def backbone_spec(note: Note, checkpoint: Path | None) -> BackboneSpec:
    """The backbone that was adapted: embedded, timm's own, or a file that must hold the same bytes.

    Raises UserError when the file is not known or holds other weights.
    """
    wanted = note.backbone["weights_digest"]
    name = note.backbone["timm"]
    if checkpoint is None and wanted.startswith("hub:"):
        return stated_spec(note, None)
    recorded = note.backbone["checkpoint"]
    embedded = weights_digest(BackboneSpec("demo")) == wanted
    path = checkpoint or (DEMO_FILE if embedded else Path(recorded or ""))
    if not checkpoint and not path.is_file():
        raise UserError(
            f"the weights of {name} that were adapted, {recorded}, are not here; name their file with --checkpoint"
        )
    spec = stated_spec(note, path)
    if wanted.startswith("hub:"):
        print(f"warning: whether {path} holds timm's own weights of {name} cannot be told from it", file=sys.stderr)
    elif weights_digest(spec) != wanted:
        raise UserError(f"{path} does not hold the weights of {name} that were adapted; name theirs with --checkpoint")
    return spec

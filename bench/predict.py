"""Uses an exported folder: restores the adapted backbone and predicts the classes of images."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import safetensors
from torch import Tensor, nn

from bench.adapt.trained import Trained
from bench.backbone.network import TimmBackbone, load
from bench.backbone.weights import DEMO_FILE, weights_digest
from bench.costs.device import find_device
from bench.export import NOTE, Note, file_digest, method_of
from bench.images.decode import rgb
from bench.images.pixels import decoded
from bench.records.delta import read
from bench.records.request import PREPROCESS
from bench.registry import Label
from bench.spec import Adapted, BackboneSpec, UserError

BATCH = 128  # images in a forward pass


@dataclass(frozen=True)
class Loaded:
    """An exported folder, ready for use."""

    backbone: TimmBackbone
    adapted: Adapted
    classes: Sequence[str]  # names by label

    def probabilities(self, images: Tensor) -> Tensor:
        """Class probabilities (batch, classes) on the CPU, from uint8 pixels (batch, 3, height, width)."""
        return self.adapted.logits(images).softmax(1).cpu()


class Pictures:
    """Image files that are decoded when they are asked for.

    A black image takes the place of a file that cannot be read, and `reasons` says why, by its number.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.reasons: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def decode(self, index: int) -> np.ndarray:
        """Pixels uint8 (height, width, 3), rotated as the photo's orientation tag says."""
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
    """The most probable classes of one image, or the reason why it could not be read."""

    image: str  # the path, as it was given
    classes: Sequence[tuple[str, float]] = ()  # (name, probability), the most probable first
    error: str = ""

    def line(self) -> str:
        """The prediction as one line of JSON."""
        if self.error:
            return json.dumps({"image": self.image, "error": self.error})
        best, probability = self.classes[0]
        top = {name: round(value, 6) for name, value in self.classes}
        return json.dumps({"image": self.image, "class": best, "probability": round(probability, 6), "top": top})

    def row(self, image_width: int, class_width: int) -> str:
        """The prediction as one line of a table; widths in characters."""
        (best, probability), *others = self.classes
        rest = ", ".join(f"{name} {value:.1%}" for name, value in others)
        return f"{self.image:<{image_width}}  {best:<{class_width}}  {probability:>11.1%}  {rest}".rstrip()


def predict(loaded: Loaded, paths: Sequence[Path], top: int) -> Iterator[list[Prediction]]:
    """Predictions with the `top` most probable classes of every image, in order, a batch at a time.

    The next batch is decoded while the network works on this one.
    """
    pictures = Pictures(paths)
    done = 0
    view = loaded.backbone.view
    for images in decoded(view.images(pictures) if view else pictures, loaded.backbone.image_size, BATCH):
        values, labels = loaded.probabilities(images).topk(min(top, len(loaded.classes)))
        predictions = []
        for number, (some, at) in enumerate(zip(values.tolist(), labels.tolist(), strict=True), done):
            named = [(loaded.classes[label], value) for label, value in zip(at, some, strict=True)]
            reason = pictures.reasons.pop(number, "")
            predictions.append(Prediction(str(paths[number]), () if reason else named, reason))
        done += len(images)
        yield predictions


def load_adapted(folder: Path, checkpoint: Path | None = None, device: str = "auto") -> Loaded:
    """The adapted backbone of an exported folder, on a device.

    `checkpoint` is the file of the backbone's weights, if it is not where it was. Raises UserError when the folder is
    not an export or is damaged, and when the backbone's weights are not those that were adapted.
    """
    note = read_note(folder)
    path = folder / Path(note.delta).name
    if not path.is_file() or file_digest(path) != note.sha256:
        raise UserError(f"{path} is missing or not what was exported; export it again")
    backbone = load(backbone_spec(note, checkpoint), find_device(device))
    if backbone.view is not None and backbone.view.rule != note.preprocessing["resize"]:
        raise UserError(
            f"{folder} was adapted to pictures by {note.preprocessing['resize']!r}, and timm {version('timm')} states "
            f"{backbone.view.rule!r}; install the version of timm that its {NOTE} names"
        )
    try:
        stored = read(path)
        method = method_of(note.registered or Label.parse(note.method).name, note.params)
        adapted = method.restore(backbone, stored, len(note.classes))
    except (safetensors.SafetensorError, KeyError, RuntimeError) as error:
        raise UserError(f"{path} does not fit {note.method} on {note.backbone['timm']}; export it again") from error
    return Loaded(backbone, adapted, note.classes)


def merged_network(folder: Path, checkpoint: Path | None = None) -> nn.Module:
    """The method of an exported folder folded into its network: one of timm's, in eval mode, on the CPU.

    `checkpoint` is as in `load_adapted`. Raises UserError as it does, and for a method that does not fold.
    """
    note, loaded = read_note(folder), load_adapted(folder, checkpoint, "cpu")
    if not isinstance(loaded.adapted, Trained):
        raise UserError(f"{note.method} leaves the network as it is and reads it, so that there is nothing to merge")
    plain = loaded.adapted.network  # what folds is folded by now, for evaluation
    if set(plain.state_dict()) != set(loaded.backbone.network(len(note.classes)).state_dict()):
        raise UserError(f"{note.method} has parts that no network of timm's has, so that it cannot be merged into one")
    return plain


def read_note(folder: Path) -> Note:
    """The note of an exported folder. Raises UserError when it is missing or damaged."""
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
    """The backbone as the note describes it, with its weights from a checkpoint or, without one, from timm."""
    given, how = note.backbone, note.preprocessing
    name = str(given["timm"])
    if str(given["weights_digest"]).startswith("hub:") and given["weights"] and "." not in name:
        name = f"{name}.{given['weights']}"  # another version of timm may have another default
    way = PREPROCESS[str(how.get("resize")).startswith("timm")]
    size, mean, std = how["image_size"], tuple(how["mean"]), tuple(how["std"])
    return BackboneSpec(name, checkpoint, given["args"], size, mean, std, preprocess=way)


def backbone_spec(note: Note, checkpoint: Path | None) -> BackboneSpec:
    """The backbone that was adapted, with the place of its weights.

    The weights are embedded, timm's own, or in a file. Raises UserError when the file is not found, and when it holds
    other weights. It prints a warning where that cannot be checked.
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
        print(f"warning: {path} may not hold timm's own weights of {name}; that cannot be checked", file=sys.stderr)
    elif weights_digest(spec) != wanted:
        raise UserError(f"{path} does not hold the weights of {name} that were adapted; name theirs with --checkpoint")
    return spec

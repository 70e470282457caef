"""What a comparison is asked to do, and the TOML file that asks for it again."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from bench.spec import BackboneSpec, UserError

SAMPLERS = ("tpe", "random")  # of Optuna; the first is the default
GRID = "grid"  # not to be asked for: every value of what a method's own recipe chooses among
PRECISIONS = ("auto", "fp32", "tf32", "bf16")  # number formats; the first is the default
EFFORTS = ("quick", "paper")  # short recipes, or the published ones with the choices that they make
AUGMENTS = ("auto", "none", "flip", "light")  # of training images; the first is the default: what the task allows
PREPROCESS = ("vtab", "timm")  # how pictures come to the network's size; the first is the default
STORES = ("fp32", "bf16", "fp16", "int8")  # number formats of a delta's file; the first is the default
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "worst_class", "auroc", "calibration_error")  # of a table
AUTO = "auto"  # for `tune`: as many trials as the budget allows
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Request:
    """What a comparison is asked to do. A field is a flag of the command line and a key of a `--config` file.

    Raises UserError for a value that no run can have.
    """

    methods: Sequence[str] = ("core",)  # names and globs
    tasks: Sequence[str] = ("demo",)
    seeds: Sequence[int] = (0,)
    backbone: Sequence[str] = ("demo",)  # names of timm's, or the embedded one
    checkpoint: Sequence[str] = ()  # a file of weights, or BACKBONE=FILE for each of several; none: timm's own
    backbone_arg: Sequence[str] = ()  # NAME=VALUE for timm, or BACKBONE:NAME=VALUE for one of several backbones
    image_size: int | None = None  # pixels; None: what timm states
    mean: Sequence[float] = ()  # of the input: one value, three, or none for what timm states
    std: Sequence[float] = ()
    preprocess: str = PREPROCESS[0]
    precision: str = PRECISIONS[0]  # the number formats in which the network runs
    compile: bool = False  # torch.compile of the blocks of networks that are trained
    effort: str | None = None  # one of EFFORTS; None: each task's own
    augment: str = AUGMENTS[0]
    store: str = STORES[0]  # the number format in which each method's delta is written
    tune: int | str | None = None  # trials a method; `auto`: as many as the budget allows; None: the methods' recipes
    sampler: str = SAMPLERS[0]
    oracle: bool = False  # choose by the shifted test sets, and say so in the method's name
    storage: str | None = None  # URL of Optuna's storage; None: a file beside the records
    data: Path = Path("data")
    results: Path = Path("results/run")
    budget: Sequence[str] = ()  # device time, FLOPs, or both
    memory_limit: str | None = None  # of the GPU
    device: str = AUTO
    force: bool = False  # run cells again that are done
    workers: int | str | None = None  # on this machine, or of the cluster; AUTO: one a GPU, or one a processor
    cluster: str | None = None  # address of a Ray cluster; AUTO: the one that runs here

    def __post_init__(self) -> None:
        if not self.backbone:
            raise UserError("no backbone was named; demo is the embedded one")
        if not self.seeds:
            raise UserError("no seed was named; 0 is the usual one")
        if not all(0 <= seed <= LARGEST_SEED for seed in self.seeds):
            raise UserError("a seed is a whole number from 0 to 2^63 - 1")
        if self.image_size is not None and self.image_size < 1:
            raise UserError(f"an image size of {self.image_size} px is none; give 1 or more")
        for name, values in (("mean", self.mean), ("std", self.std)):
            wrong = len(values) not in (0, 1, 3) or not all(map(math.isfinite, values))
            if wrong or (name == "std" and any(value <= 0 for value in values)):
                raise UserError(
                    f"--{name} {' '.join(map(str, values))} does not fit; give one number or three, std above 0"
                )
        if self.precision not in PRECISIONS:
            raise UserError(f"there is no precision {self.precision!r}; choose one of {', '.join(PRECISIONS)}")
        if self.preprocess not in PREPROCESS:
            raise UserError(f"there is no preprocessing {self.preprocess!r}; choose {' or '.join(PREPROCESS)}")
        if self.effort not in (None, *EFFORTS):
            raise UserError(f"there is no effort {self.effort!r}; choose {' or '.join(EFFORTS)}")
        if self.augment not in AUGMENTS:
            raise UserError(f"there is no augmentation {self.augment!r}; choose one of {', '.join(AUGMENTS)}")
        if self.store not in STORES:
            raise UserError(f"a delta cannot be stored as {self.store!r}; choose one of {', '.join(STORES)}")
        self._check_search()
        if self.workers not in (None, AUTO) and not (isinstance(self.workers, int) and self.workers > 0):
            raise UserError(f"--workers {self.workers} is no number of workers; write --workers 2, or --workers auto")

    def _check_search(self) -> None:
        """Raises UserError for a search that cannot be."""
        if self.sampler not in SAMPLERS:
            raise UserError(f"there is no sampler {self.sampler!r}; choose {' or '.join(SAMPLERS)}")
        if self.tune is None and self.oracle:
            raise UserError("--oracle says how trials are evaluated; ask for some with --tune")
        if self.tune == AUTO and not self.budget:
            raise UserError(
                "--tune auto takes as many trials as the budget allows; name one with --budget, or a number"
            )
        if self.tune not in (None, AUTO) and not (isinstance(self.tune, int) and self.tune > 0):
            raise UserError(f"--tune {self.tune} is no number of trials; write --tune 20, or --tune auto")

    @property
    def specs(self) -> list[BackboneSpec]:
        """The backbones with their weights and preprocessing.

        Raises UserError for an argument that is not NAME=VALUE, and for a file that is not said whose it is.
        """
        names = list(dict.fromkeys(self.backbone))
        files, args = self._files(names), [own(text, names, ":") for text in self.backbone_arg]
        preprocessing = self.image_size, tuple(self.mean) or None, tuple(self.std) or None
        return [
            BackboneSpec(
                name, files.get(name), dict(key_value(text) for whose, text in args if whose in (None, name)),
                *preprocessing, self.precision, self.compile, self.preprocess,
            )
            for name in names
        ]  # fmt: skip

    def _files(self, names: Sequence[str]) -> dict[str, Path]:
        """The file of weights of each backbone that has one."""
        files: dict[str, Path] = {}
        for text in self.checkpoint:
            whose, file = own(text, names, "=")
            if whose is None and len(names) > 1:
                raise UserError(f"whose weights are in {text}? of several backbones, name one: {names[0]}=FILE")
            if (whose or names[0]) in files:
                raise UserError(f"{whose or names[0]} has two files of weights; name one with --checkpoint")
            files[whose or names[0]] = Path(file)
        return files


def own(text: str, names: Sequence[str], mark: str) -> tuple[str | None, str]:
    """Whose a text such as `resnet50=FILE` is, and the text; None where it names no backbone before the mark."""
    for name in names:
        if text.startswith(name + mark):
            return name, text[len(name + mark) :]
    return None, text


def key_value(text: str) -> tuple[str, object]:
    """`pad_type=same` or `depth=6` as name and value, a number where it reads as one; raises UserError otherwise."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UserError(f"{text!r} is no argument for the backbone; write NAME=VALUE, such as pad_type=same")
    try:
        read = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value
    if not isinstance(read, (bool, int, float, str, list, tuple, type(None))):
        raise UserError(f"{value!r} is no value for the backbone's {key}; write a number, a word or a list")
    return key, read


def as_toml(request: Request) -> str:
    """The lines of a file that `--config` reads; only what differs from the defaults."""
    usual = Request()
    lines = [
        f"{field.name.replace('_', '-')} = {written(getattr(request, field.name))}\n"
        for field in fields(request)
        if getattr(request, field.name) != getattr(usual, field.name)
    ]
    return "".join(lines)


def written(value: object) -> str:
    """A value in TOML: a truth value, a number, a text, or a list of them."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, (bool, int, float)):
        return str(value).lower()
    # TOML's basic strings are those of JSON, but for DEL, which JSON leaves as it is.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")

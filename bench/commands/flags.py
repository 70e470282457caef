"""Every flag of the command line, once: a flag means the same in every command that has it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.records.request import AUGMENTS, EFFORTS, METRICS, PRECISIONS, PREPROCESS, SAMPLERS, STORES, Request


def number(text: str) -> int | str:
    """A whole number, or a word."""
    return int(text) if text.isdecimal() else text


# What argparse needs to know of each, by the name of its value. Their defaults stand below.
FLAGS: Mapping[str, Mapping[str, Any]] = {
    "methods": {
        "nargs": "+", "metavar": "NAME",
        "help": "default: core; `all` adds the extra ones; a family: heads, weights, adapters or low_rank",
    },
    "tasks": {"nargs": "+", "metavar": "NAME", "help": "default: demo, the embedded suite"},
    "seeds": {"nargs": "+", "type": int, "metavar": "N", "help": "default: 0"},
    "backbone": {
        "nargs": "+", "metavar": "NAME", "help": "any names of timm's; default: demo, the embedded one",
    },
    "checkpoint": {
        "action": "append", "metavar": "FILE",
        "help": "its weights: .safetensors, or .pth, which is read without running code; BACKBONE=FILE, once for each "
        "of several; default: timm's",
    },
    "backbone_arg": {
        "action": "append", "metavar": "K=V",
        "help": "an argument for timm, such as pad_type=same; BACKBONE:K=V for one of several backbones",
    },
    "image_size": {"type": int, "metavar": "PX", "help": "default: what timm states for the backbone"},
    "mean": {
        "nargs": "+", "type": float, "metavar": "X",
        "help": "subtracted from the input, one value or three; default: timm's",
    },
    "std": {"nargs": "+", "type": float, "metavar": "X", "help": "divides the input, likewise"},
    "preprocess": {
        "choices": PREPROCESS,
        "help": "vtab stretches pictures to the network's size, as VTAB does; timm resizes and crops them as it states "
        "for the weights; default: vtab",
    },
    "precision": {
        "choices": PRECISIONS,
        "help": "number formats of the network; default: auto, on a GPU bf16 for what is trained and TF32 for the rest",
    },
    "compile": {"action": "store_true", "help": "torch.compile what is trained, which takes time at first"},
    "effort": {
        "choices": EFFORTS,
        "help": "of the methods' recipes: paper, as published, with learning rates chosen on validation images, or "
        "quick; default: quick for demo, else paper",
    },
    "augment": {
        "choices": AUGMENTS,
        "help": "of training images: light, a flip and a small shift; default: auto, what a task's labels survive",
    },
    "store": {
        "choices": STORES,
        "help": "number format of what each method stores, which is evaluated as it is read back; default: fp32",
    },
    "tune": {
        "type": number, "metavar": "N",
        "help": "trials a method at most, or `auto`: as many as the budget allows; default: the methods' own recipes",
    },
    "sampler": {"choices": SAMPLERS, "help": f"how Optuna proposes trials; default: {SAMPLERS[0]}"},
    "oracle": {"action": "store_true", "help": "choose by the shifted test sets; the methods are named so"},
    "storage": {"metavar": "URL", "help": "where Optuna keeps its studies; default: a file in --results"},
    "data": {"type": Path, "metavar": "DIR", "help": "where the data sets are; default: data"},
    "results": {"type": Path, "metavar": "DIR", "help": "folder of the records; default: results/run"},
    "budget": {
        "nargs": "+", "action": "extend", "metavar": "LIMIT",
        "help": "device time (90s, 30m, 2h), FLOPs (5PFLOP), or both; for all runs into --results together",
    },
    "memory_limit": {"metavar": "SIZE", "help": "memory that torch may take on the GPU, such as 16GB"},
    "device": {"metavar": "NAME", "help": "cpu, cuda, cuda:1 or mps; default: the best there is"},
    "force": {"action": "store_true", "help": "run cells again that are done"},
    "workers": {
        "type": number, "metavar": "N",
        "help": "processes that share the work, each with a GPU or its share of the processors, or `auto`; needs the "
        "extra head2head[cluster]",
    },
    "cluster": {"metavar": "ADDRESS", "help": "of a Ray cluster that shares the work: auto, HOST:PORT or ray://HOST:PORT"},
    "versus": {
        "nargs": "+", "choices": ["published"], "metavar": "WHOSE",
        "help": "`published` puts published VTAB-1k numbers beside ours",
    },
    "metric": {
        "choices": METRICS,
        "help": "adds a table of it, from what the cells predicted for the test images; default: accuracy alone",
    },
    "storage_limit": {"metavar": "SIZE", "help": "what a task may keep, such as 500kB or 1MB"},
    "taps": {"metavar": "BACKBONE", "help": "show where Head2Toe reads this backbone, and how many features it gets"},
    "to": {"type": Path, "metavar": "DIR", "help": "a new folder, to write into"},
    "merge": {"action": "store_true", "help": "write a plain checkpoint for timm, the method folded into it"},
    "top": {"type": int, "metavar": "N", "help": "classes named for each image; default: 3"},
    "json": {"action": "store_true", "help": "print one line of JSON for each image"},
    "config": {"type": Path, "metavar": "FILE", "help": "a TOML file with flags, `tasks = [\"vtab1k\"]`; flags win"},
}  # fmt: skip

DEFAULTS: Mapping[str, Any] = {
    **vars(Request()), "versus": (), "metric": METRICS[0], "storage_limit": None, "taps": None, "to": None,
    "merge": False, "top": 3, "json": False, "config": None,
}  # fmt: skip


def flag(name: str) -> str:
    """`--image-size` for `image_size`."""
    return f"--{name.replace('_', '-')}"

"""Which cells may be compared: those of one suite whose settings are equal."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence

from bench.records.cells import CellResult

THREADS = re.compile(r" \([^()]* threads\)$")  # what follows a device's name that does not make it another kind


def setting(result: CellResult) -> str:
    """What must be equal in cells that are compared.

    It is the backbone with its weights and preprocessing, the protocol, the effort, the augmentation, the kind of
    device, and the number formats that were computed in. The precision that was asked for and the file of the weights
    decide nothing more. A delta in another format is another method, as its label says.
    """
    asked = result.environment.protocol, result.effort, result.augment
    return json.dumps([result.backbone, *asked, result.network.identity, *computed(result)])


def computed(result: CellResult) -> tuple[str, str]:
    """The kind of device that computed a cell, and its number formats: `cpu` and `fp32`.

    CPUs are one kind, whatever their number of threads. Each model of GPU is a kind. Older records hold no formats and
    count as fp32.
    """
    kind = THREADS.sub("", result.environment.device or "device unknown")
    return kind, result.environment.precision or "fp32"


def names(results: Sequence[CellResult]) -> dict[str, str]:
    """The name of each setting: its backbone, and what it differs in where several settings have that backbone."""
    settings = {setting(result): result for result in results}
    alike: dict[str, list[CellResult]] = {}
    for result in settings.values():
        alike.setdefault(result.backbone, []).append(result)
    told = {key: ", ".join(differing(result, alike[result.backbone])) for key, result in settings.items()}
    return {
        key: f"{result.backbone} ({told[key]})" if told[key] else result.backbone for key, result in settings.items()
    }


def differing(result: CellResult, alike: Sequence[CellResult]) -> list[str]:
    """The facts in which settings of one backbone differ, and a digest where they do not tell this one apart."""
    own, facts = known(result), [known(one) for one in alike]
    apart = [name for name in own if len({of[name] for of in facts}) > 1]
    told = [own[name] for name in apart if own[name]]
    same = [of for of in facts if all(of[name] == own[name] for name in apart)]
    digest = f"setting {hashlib.sha256(setting(result).encode()).hexdigest()[:4]}"
    return [*told, digest] if len(same) > 1 or (apart and not told) else told


def known(result: CellResult) -> dict[str, str]:
    """The facts by which settings are told apart, in words; empty where a record does not hold one."""
    network, protocol = result.network, result.environment.protocol
    device, formats = computed(result)
    return {
        "size": f"{network.image_size} px" if network.image_size else "",
        "preprocess": f"preprocess {'timm' if (network.resize or '').startswith('timm') else 'vtab'}",
        "weights": f"weights {network.digest.removeprefix('sha256:')[:8]}" if network.digest else "",
        "protocol": f"protocol {protocol}" if protocol else "",
        "effort": f"effort {result.effort}",
        "augment": f"augment {result.augment}",
        "device": device,
        "formats": formats,
    }


def suite(task: str) -> str:
    """`vtab1k` of `vtab1k/natural/dtd`, `folder` of `folder:/data/birds`."""
    return re.split("[/:]", task, maxsplit=1)[0]

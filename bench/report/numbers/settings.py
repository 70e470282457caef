"""Which cells may be compared: those of one suite whose settings are equal."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace

from bench.records.cells import CellResult


def setting(result: CellResult) -> str:
    """What must be equal in cells that are compared: the backbone, its weights and preprocessing, and the protocol."""
    network = replace(result.network, checkpoint=None, precision=None)  # the same weights may be in another file
    return json.dumps([result.backbone, result.environment.protocol, asdict(network)], sort_keys=True)


def names(results: Sequence[CellResult]) -> dict[str, str]:
    """The name of each setting: its backbone, and what it differs in where several settings have that backbone."""
    settings = {setting(result): result for result in results}
    shared = [result.backbone for result in settings.values()]
    return {
        key: result.backbone if shared.count(result.backbone) == 1 else f"{result.backbone} ({differing(result)})"
        for key, result in settings.items()
    }


def differing(result: CellResult) -> str:
    """Image size, weights and protocol of a setting in short, and a digest of the whole."""
    network, protocol = result.network, result.environment.protocol
    told = [f"{network.image_size} px"] if network.image_size else []
    told += [f"weights {network.digest.removeprefix('sha256:')[:8]}"] if network.digest else []
    told += [f"protocol {protocol}"] if protocol else []
    return ", ".join([*told, f"setting {hashlib.sha256(setting(result).encode()).hexdigest()[:4]}"])


def suite(task: str) -> str:
    """`vtab1k` of `vtab1k/natural/dtd`, `folder` of `folder:/data/birds`."""
    return re.split("[/:]", task, maxsplit=1)[0]

"""A record as a line of JSON: how it is written, how it is read and checked, and how older lines become today's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from bench.records.cells import CellResult
from bench.registry import Label

ADAPTER = TypeAdapter(CellResult)
# Where the facts of a record stood before they had classes: their names in `provenance`, by class and field of today.
FORMER = {
    "environment": {name: name for name in ("protocol", "versions", "git", "device")},
    "data": {
        "pipeline": "pipeline",
        "fingerprint": "data_fingerprint",
        "classes": "classes",
        "test_counts": "test_counts",
    },
}


def written(result: CellResult) -> str:
    """The record as one line of JSON. Raises ValueError for a number that is not finite."""
    return json.dumps(asdict(result), allow_nan=False, separators=(",", ":")) + "\n"


def parse(line: str) -> CellResult | None:
    """The record that a line holds; None where it is torn, or of another shape."""
    try:
        fields = json.loads(line, parse_constant=refuse)
        return ADAPTER.validate_python(upgraded(fields) if "provenance" in fields else fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def refuse(constant: str) -> None:
    """Raises ValueError: NaN and Infinity are no JSON, though Python reads them."""
    raise ValueError(f"{constant} is no number")


def upgraded(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a record that was written when its facts still were one untyped `provenance`."""
    new = {name: value for name, value in fields.items() if name not in ("provenance", "answers")}
    old: Mapping[str, Any] = fields["provenance"]
    for name, places in FORMER.items():
        new[name] = {field: old[place] for field, place in places.items() if old.get(place) is not None}
    network = {"digest": old.get("weights_digest"), "checkpoint": old.get("checkpoint"), **(old.get("backbone") or {})}
    return new | {
        "registered": Label.parse(fields["method"]).name,
        "started": old.get("started") or "",
        "network": network,
        "trial": old.get("trial"),
        "tuning": old.get("tuning"),
        "expectation": old.get("expected"),
        "kept": old.get("chosen") or {},
        "correct": fields.get("answers") or {},
    }

"""The command `advise`: which method the records support best, within limits for one task."""

from __future__ import annotations

import math
from argparse import Namespace

from bench.commands.codes import DONE
from bench.commands.screen import Screen
from bench.costs.budget import parse_bytes, parse_limits
from bench.records.store import Store
from bench.registry import matches
from bench.report.words.advise import advise
from bench.spec import UserError


def main(asked: Namespace) -> int:
    """Prints the advice for each suite and backbone that the tasks have records of."""
    limit = parse_limits(asked.budget)
    storage = parse_bytes(asked.storage_limit, "a storage limit") if asked.storage_limit else math.inf
    results = Store(asked.results).results()
    if not results:
        raise UserError(f"not enough records: there are none in {asked.results}; run the comparison first")
    patterns = [part for text in asked.tasks for part in text.split(",")]
    names = {result.task for result in results if any(matches(result.task, pattern) for pattern in patterns)}
    for advice in advise(results, sorted(names), limit, storage):
        Screen().print(advice)
    return DONE

"""python -m bench.tracking.follow FOLDER SEEN

A process that logs in MLflow what a run writes, beside the run: MLflow's import and its requests take none of the run's
time. `bench.tracking.tracker` starts it, and tells it on standard input, one line each, that there are new records (an
empty line) and which files the report has (a list in JSON). The records themselves are read from the store, after the
first SEEN. When the input ends, because the run has ended or was killed, it logs what is left and ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from bench.records.store import Store
from bench.spec import UserError
from bench.tracking.connection import LATER, connect, failure_message, failures
from bench.tracking.mirror import Mirror
from bench.tracking.turn import turn

NICE = 10  # the run goes first where both want the same core
PATIENCE = 600.0  # seconds for the process of an earlier run into the folder, which ends by itself


def follow(folder: Path, seen: int, lines: Iterable[str]) -> None:
    """Logs the records after the first `seen` as they come. Raises one of `failures` when MLflow does not work."""
    store, artifacts = Store(folder), list[Path]()
    mirror: Mirror | None = None
    connect(folder)  # imports MLflow and makes its database while the run has not written anything yet
    for line in lines:
        artifacts = [Path(name) for name in json.loads(line)] if line.strip() else artifacts
        mirror = mirror or Mirror(folder)  # not before there is a record, which identifies the folder
        seen = catch_up(mirror, store, seen)
    if mirror or len(store.index().results) > seen:
        mirror = mirror or Mirror(folder)
        catch_up(mirror, store, seen)
        mirror.finish(artifacts)


def catch_up(mirror: Mirror, store: Store, seen: int) -> int:
    """Logs the records after the first `seen`; how many there are."""
    records = store.index().results
    for result in records[seen:]:
        mirror.log(result)
    return len(records)


def main() -> int:
    """Follows the run that started this process. What goes wrong is told on standard output, for the run to show."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the run, whose end is told by the end of the input
    os.nice(NICE)
    folder, seen = Path(sys.argv[1]), int(sys.argv[2])
    problem = ""
    try:
        with turn(folder, PATIENCE):
            follow(folder, seen, sys.stdin)
    except UserError as error:
        problem = str(error)
    except failures() as error:
        problem = failure_message(folder, error)
    if problem:
        with suppress(OSError):  # nobody listens any more
            print(f"warning: {problem}; {LATER}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""python timings/busy.py --epochs 6 --others 1

A fine-tuning fit on `demo/digits`, on an idle machine and beside busy processes, in turns: as bench sets the threads of
OpenMP to wait, and as their runtime sets them itself. Each fit has a process of its own. Seconds are those of the
training loop, so imports are left out. What the environment says of OpenMP's threads is set aside.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

OURS, THEIRS = "as bench sets it", "as the runtime comes"
IDLE, BUSY = "idle", "busy"


def fit(setting: str, epochs: int) -> float:
    """Seconds of a fit in this process, which has not imported torch yet."""
    if setting == THEIRS:
        import_module("torch")  # before bench, which then sets nothing
    from bench.backbone.network import load
    from bench.costs.device import find_device
    from bench.costs.meter import Meter
    from bench.registry import METHODS, TASKS
    from bench.spec import BackboneSpec

    backbone = load(BackboneSpec("demo"), find_device("cpu"))
    (task,) = TASKS.select(["demo/digits"]).values()
    (make,) = METHODS.select([f"fine_tune:epochs={epochs}"]).values()
    meter = Meter(backbone.device)
    make().fit(backbone, task.find(Path()).load().train, meter)
    meter.stop()
    return meter.seconds


def fitted(setting: str, epochs: int) -> float:
    """Seconds of a fit in a process of its own."""
    from bench.openmp import CHOICES

    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    command = [sys.executable, __file__, "--epochs", str(epochs), "--fit", setting]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


@contextmanager
def beside(count: int) -> Iterator[None]:
    """A context with so many processes that each keep a core busy."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def measure(turns: int, epochs: int, others: int) -> None:
    """Prints a line for each fit, and for each setting the medians and how many times longer a busy machine takes."""
    took: dict[tuple[str, str], list[float]] = {}
    for _ in range(turns):
        for setting, machine in product((OURS, THEIRS), (IDLE, BUSY)):
            with beside(others if machine == BUSY else 0):
                seconds = fitted(setting, epochs)
            took.setdefault((setting, machine), []).append(seconds)
            print(f"{setting}, {machine}: {seconds:.1f} s", flush=True)
    for setting in (OURS, THEIRS):
        idle, busy = (statistics.median(took[setting, machine]) for machine in (IDLE, BUSY))
        print(f"{setting}: {idle:.1f} s idle, {busy:.1f} s beside {others} busy, {busy / idle:.1f} times as long")


def arguments() -> Namespace:
    """What the command line asks for."""
    line = ArgumentParser(description=__doc__.split("\n\n")[1] if __doc__ else None)
    line.add_argument("--epochs", type=int, default=6, metavar="N", help="of each fit; default: 6")
    line.add_argument("--others", type=int, default=1, metavar="N", help="busy processes; default: 1")
    line.add_argument("--turns", type=int, default=3, metavar="N", help="default: 3")
    line.add_argument("--fit", choices=(OURS, THEIRS), help="only one fit, in this process")
    return line.parse_args()


def main() -> int:
    """Measures, or does one of the fits that are measured."""
    asked = arguments()
    if asked.fit:
        print(fit(asked.fit, asked.epochs))
    else:
        measure(asked.turns, asked.epochs, asked.others)
    return 0


if __name__ == "__main__":
    sys.exit(main())

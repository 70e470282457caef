"""python timings/against_adelie.py --adelie PYTHON --tasks demo/digits

The group lasso of head2toe_path by its own solver and by Adelie (Yang and Hastie 2024, arXiv:2405.08631): the same
features and penalties, in turns, on one thread each. Printed are the processor's seconds from features in memory to
the last solution, features kept there, and how far Adelie's objective lies above ours at the penalty where that is
most. PYTHON runs an environment with adelie in it, which wants a numpy below 2. Other flags are those of run_bench.py.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # so that it runs from anywhere

from bench.adapt.solvers.lasso import Design, GroupLasso, unit_norm
from bench.adapt.solvers.softmax import cross_entropy
from bench.backbone.features import features
from bench.backbone.network import load
from bench.commands.parser import parser, request
from bench.costs.device import find_device
from bench.costs.meter import Meter
from bench.registry import TASKS
from bench.spec import UserError
from methods.head2toe_path import STEP, Head2ToePath

THEIRS = Path(__file__).with_name("adelie_side.py")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def theirs(python: str, folder: Path, columns: Tensor, onehot: Tensor) -> tuple[float, list[tuple[int, float]]]:
    """Adelie's seconds on what lies in the folder, and at each penalty features kept and the objective, computed here.

    Of features (n, width) and labels (classes, n), both in the folder as well. Raises UserError where Adelie fails.
    """
    run = subprocess.run([python, THEIRS, folder], capture_output=True, text=True, env={**os.environ, **ONE_THREAD})
    if run.returncode:
        said = (run.stderr.strip() or f"exit code {run.returncode}").splitlines()[-1]
        raise UserError(f"Adelie did not run with {python}: {said}; install adelie and a numpy below 2 there")
    found, figures = np.load(folder / "found.npz"), []
    for penalty, rows, intercept in zip(found["penalties"], found["rows"], found["intercepts"], strict=True):
        norms = np.linalg.norm(rows, axis=1)
        kept = norms.nonzero()[0]
        scores = torch.from_numpy(rows[kept].T) @ columns[:, kept].double().T + torch.from_numpy(intercept)[:, None]
        figures.append((len(kept), float(cross_entropy(scores, onehot)[0]) + penalty * float(norms.sum())))
    return float(found["seconds"]), figures


def compare(design: Design, labels: Tensor, classes: int, fractions: Sequence[float], python: str, turns: int) -> None:
    """Prints a line a turn, and the median of their ratios."""
    onehot = torch.nn.functional.one_hot(labels, classes).double()
    columns = design.columns(torch.arange(design.width))
    columns -= columns.mean(0)  # which the intercepts make up for, and Adelie is the faster for
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "features.npy", columns.numpy())
        for turn in range(turns):
            began = time.process_time()
            model = GroupLasso(design, labels, classes, Meter(design.device))
            penalties = [fraction * model.strongest for fraction in fractions]
            here = [model.solve(penalty) for penalty in penalties]
            took = time.process_time() - began
            np.savez(folder / "given.npz", onehot=onehot.numpy(), penalties=np.array(penalties))
            there_took, there = theirs(python, folder, columns, onehot.T)
            above = max(objective / ours.objective - 1 for ours, (_, objective) in zip(here, there, strict=True))
            ratios.append(there_took / took)
            print(f"turn {turn}: {took:.2f} s, {len(here[-1].rows)} features; Adelie {there_took:.2f} s, "
                  f"{there[-1][0]} features, objective at most {above:+.1e} above ours", flush=True)  # fmt: skip
    longer = f"{statistics.median(ratios):.1f} times as long"
    print(f"{design.width:,} features of {design.count:,} images: Adelie takes {longer}")


def main() -> int:
    """Compares on each task."""
    line = parser("run")
    line.add_argument("--adelie", required=True, metavar="PYTHON", help="of the environment with adelie")
    line.add_argument("--target", type=int, default=512, metavar="T", help="pooling target; default: 512")
    line.add_argument("--penalties", type=float, nargs="+", default=None, metavar="P",
                      help="fractions of the largest, falling; default: what head2toe_path solves")  # fmt: skip
    line.add_argument("--turns", type=int, default=3, metavar="N", help="default: 3")
    assert Head2ToePath.penalty is not None
    torch.set_num_threads(1)
    try:
        arguments = line.parse_args()
        if arguments.turns < 1:
            line.error("--turns is 1 or more")
        fractions = arguments.penalties or [STEP * Head2ToePath.penalty, Head2ToePath.penalty]
        asked = request(arguments)
        backbone = load(asked.specs[0], find_device("cpu"))
        for name, task in TASKS.select(asked.tasks).items():
            train = task.find(asked.data).load().train
            read = features(backbone, train.images, arguments.target, Meter(backbone.device))
            print(f"{name}, T = {arguments.target}, penalties {' '.join(f'{part:g}' for part in fractions)}")
            design = unit_norm(read.held, backbone.device)
            labels = torch.from_numpy(train.labels)
            compare(design, labels, train.classes, fractions, arguments.adelie, arguments.turns)
    except (UserError, OSError) as error:
        print(f"against_adelie.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

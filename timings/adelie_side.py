"""Solves with Adelie what timings/against_adelie.py has put into a folder; run by it in an environment of its own.

Adelie divides the cross-entropy by the number of classes, hence the penalties too. Its tolerances are its defaults.
"""

import sys
import time
from pathlib import Path

import adelie
import numpy as np

folder = Path(sys.argv[1])
given = np.load(folder / "given.npz")
onehot, penalties = given["onehot"], given["penalties"]
columns = np.asfortranarray(np.load(folder / "features.npy"), dtype=np.float64)
classes = onehot.shape[1]
began = time.process_time()
state = adelie.grpnet(
    X=adelie.matrix.dense(columns, method="naive", n_threads=1),
    glm=adelie.glm.multinomial(onehot),
    penalty=np.ones(columns.shape[1]),
    lmda_path=penalties / classes,
    early_exit=False,
    progress_bar=False,
    n_threads=1,
)
seconds = time.process_time() - began
rows = np.asarray(state.betas.todense()).reshape(len(penalties), -1, classes)
intercepts = np.asarray(state.intercepts)
np.savez(folder / "found.npz", seconds=seconds, penalties=penalties, rows=rows, intercepts=intercepts)

"""The names of MLflow's runs: of a results folder, of a cell, and of a trial."""

from __future__ import annotations

from pathlib import Path

from bench.records.cells import CellResult


def folder_name(folder: Path) -> str:
    """The name of the parent run of a results folder: `comparison · FOLDER`."""
    return f"comparison · {folder.name}"


def result_name(result: CellResult) -> str:
    """`lora · demo/digits · seed 0`; a trial's name ends with its number."""
    name = f"{result.method} · {result.task} · seed {result.seed}"
    if result.stage != "trial":
        return name
    return f"{name} · trial {result.trial.number}" if result.trial else f"{name} · trial"

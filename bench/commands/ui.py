"""The command `ui`: MLflow's page on a results folder."""

from __future__ import annotations

from argparse import Namespace

from bench.tracking.page import serve


def main(asked: Namespace) -> int:
    """Serves the page until Ctrl-C."""
    return serve(asked.results)

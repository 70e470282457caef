"""Standard output as the commands use it: tables that fit a terminal, and whole rows in a file or a pipe."""

from __future__ import annotations

from rich.console import Console

WIDE = 1000  # characters, wider than any row


class Screen(Console):
    """A console that leaves it to the command line what to do when the reader of a pipe is gone."""

    def on_broken_pipe(self) -> None:
        """Raises BrokenPipeError, where rich would end the process."""
        raise BrokenPipeError


def wide_screen() -> Screen:
    """A screen that wraps on a terminal, and keeps each row on its line in a file or pipe."""
    screen = Screen()
    return screen if screen.is_terminal else Screen(width=WIDE)

"""The errors that a user is told in one sentence."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend; its message is one sentence with the remedy, shown without a traceback."""


class DataMissing(UserError):
    """A task's images are not on this machine; the message says what to put where."""

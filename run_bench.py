"""python run_bench.py --methods all --tasks vtab1k

The command line of Head2Head: hands over to a command, and tells what went wrong in one sentence.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import NoReturn

from bench.commands.parser import PROGRAM, parse
from bench.spec import UserError

INTERRUPTED, TERMINATED = 130, 143  # exit codes, as shells give them
FULL = (errno.ENOSPC, errno.EDQUOT)


def main() -> int:
    """Runs the command that the arguments name; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # where a terminal has no × or –
    try:
        command, asked = parse(sys.argv[1:])
        signal.signal(signal.SIGTERM, terminate)
        code: int = import_module(f"bench.commands.{command}").main(asked)  # the others are not imported
        print(end="", flush=True)  # here, so that a full disk or a reader that left is told below
        return code
    except UserError as error:
        return refuse(str(error))
    except KeyboardInterrupt as error:
        code = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
        return refuse("interrupted; what a run has finished is recorded, and running it again goes on from there", code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of a pipe left early
        return 0
    except OSError as error:
        return refuse(told(error))


class Terminated(KeyboardInterrupt):
    """SIGTERM came, as from a scheduler whose time limit is over; what runs ends as it does after Ctrl-C."""


def terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    """Ends what runs."""
    raise Terminated


def refuse(sentence: str, code: int = 2) -> int:
    """Says why the command ends; returns its exit code, also where stderr cannot be written to."""
    with suppress(OSError):
        print(f"{PROGRAM}: {sentence}", file=sys.stderr, flush=True)
    return code


def told(error: OSError) -> str:
    """The file and the reason, and what to do where the reason is a full disk."""
    place = f"{error.filename}: " if error.filename else ""
    advice = "; free some space and run again" if error.errno in FULL else ""
    return f"{place}{error.strerror or error}{advice}"


def command() -> NoReturn:
    """Runs the command line and ends the process at once: taking torch apart again would take more than a second."""
    code = main()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None where the shell has closed it
        with suppress(OSError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    command()

"""python run_bench.py --methods all --tasks vtab1k

The command line of Head2Head: hands over to a command, and tells what went wrong in one sentence.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

from bench.commands.parser import PROGRAM, parse
from bench.spec import UserError

FULL = (errno.ENOSPC, errno.EDQUOT)


def main() -> int:
    """Runs the command that the arguments name; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # where a terminal has no × or –
    try:
        command, asked = parse(sys.argv[1:])
        code: int = import_module(f"bench.commands.{command}").main(asked)  # the others are not imported
        print(end="", flush=True)  # here, so that a full disk or a reader that left is told below
        return code
    except UserError as error:
        return refuse(str(error))
    except KeyboardInterrupt:
        return refuse("interrupted; what a run has finished is recorded, and running it again goes on from there", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of a pipe left early
        return 0
    except OSError as error:
        return refuse(told(error))


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

"""The command line: which command is meant, and what its words, its flags and its configuration file say."""

from __future__ import annotations

import re
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import fields
from difflib import get_close_matches
from typing import NoReturn

from bench.commands.catalogue import COMMANDS, EXIT_CODES
from bench.commands.config import read
from bench.commands.flags import DEFAULTS, FLAGS, flag
from bench.records.request import Request
from bench.spec import UserError

PROGRAM = "run_bench.py"
INTRODUCTION = """Compares ways of adapting a pretrained vision backbone to small labelled data sets:
accuracy, training FLOPs, and the bytes that each task must store."""


# argparse's words, and ours.
PLAINER = (
    (r"invalid int value: (.+)", r"\1 is no whole number"),
    (r"invalid float value: (.+)", r"\1 is no number"),
    (r"invalid choice: (.+) \(choose from (.+)\)", r"\1 is none of \2"),
    (r"expected (?:at least )?one argument", "a value is missing"),
    (r"ignored explicit argument (.+)", r"it takes no value such as \1"),
)


class Parser(ArgumentParser):
    """A parser of one command's words and flags that tells what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Raises UserError, where argparse would print the usage and exit."""
        said = message.removeprefix("argument ")
        for theirs, ours in PLAINER:
            said = re.sub(theirs, ours, said)
        raise UserError(f"{said}; `{self.prog} --help` shows what it takes")


def parse(arguments: Sequence[str]) -> tuple[str, Namespace]:
    """The command and everything it is told: by its flags, else by the file of --config, else by default.

    Raises UserError for what no command takes, and SystemExit after it has shown help.
    """
    if arguments and arguments[0] in ("-h", "--help"):
        print(overview())
        raise SystemExit(0)
    command, rest = split(arguments)
    line = parser(command)
    given, unknown = line.parse_known_intermixed_args(rest)
    if unknown:
        raise UserError(refusal(command, unknown))
    told = {"words": (), **vars(given)}
    check_place(told)
    own = names(command)
    file = read(told["config"]) if "config" in told else {}
    usual = {**DEFAULTS, **COMMANDS[command].usual, **file}
    return command, Namespace(**{**{name: usual[name] for name in own}, **told})


def split(arguments: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The command, which comes first or is `run`, and what follows. Raises UserError for one that there is not."""
    if not arguments or arguments[0].startswith("-"):
        return "run", arguments
    command, *rest = arguments
    if command not in COMMANDS:
        close = get_close_matches(command, COMMANDS, n=1, cutoff=0.5)
        remedy = f"did you mean {close[0]!r}?" if close else f"`{PROGRAM} --help` shows them all"
        raise UserError(f"there is no command {command!r}; {remedy}")
    return command, rest


def parser(command: str) -> Parser:
    """The parser of one command; what is not given is not in the namespace that it makes."""
    about = COMMANDS[command]
    more = f"\n\n{about.more}" if about.more else ""
    examples = "\n".join(["examples:", *(f"  {example}" for example in about.examples)])
    line = Parser(
        f"{PROGRAM} {command}", f"%(prog)s {about.words} [FLAGS]".replace("  ", " "), about.summary + more,
        examples, formatter_class=RawDescriptionHelpFormatter, argument_default=SUPPRESS, allow_abbrev=False,
    )  # fmt: skip
    if about.words:
        line.add_argument("words", nargs="*", help=SUPPRESS)
    for title, of_group in about.flags.items():
        group = line.add_argument_group(title)
        for name in of_group:
            group.add_argument(flag(name), **{**FLAGS[name], "help": about.told.get(name, FLAGS[name]["help"])})
    return line


def request(asked: Namespace) -> Request:
    """What the flags ask of a comparison. Raises UserError for a value that no run can have."""
    own = {field.name for field in fields(Request)}
    return Request(**{name: value for name, value in vars(asked).items() if name in own})


def names(command: str) -> list[str]:
    """The flags that a command has."""
    return [name for of_group in COMMANDS[command].flags.values() for name in of_group]


def check_place(told: dict[str, object]) -> None:
    """Raises UserError where a command stands among the names that a flag takes."""
    for name in ("methods", "tasks"):
        values = told.get(name, ())
        for word in values if isinstance(values, list) else ():
            if word in COMMANDS:
                raise UserError(f"{word!r} after {flag(name)} is a command, and comes first: {PROGRAM} {word} …")


def refusal(command: str, unknown: Sequence[str]) -> str:
    """What is wrong with words that a command does not take, and the nearest that it does."""
    word = next((word for word in unknown if word.startswith("-")), unknown[0]).partition("=")[0]
    if word in COMMANDS and command == "run":
        return f"{word!r} is a command, and comes first: {PROGRAM} {word} …"
    help_of = f"`{PROGRAM} {command} --help` shows what it takes"
    if not word.startswith("-"):
        return f"{command} takes no {word!r}; {help_of}"
    others = [other for other in COMMANDS if word in map(flag, names(other))]
    if others:
        return f"{command} has no {word}, which is a flag of {', '.join(others)}; {help_of}"
    close = get_close_matches(word, map(flag, names(command)), n=1, cutoff=0.5)
    return f"{command} has no {word}; " + (f"did you mean {close[0]}?" if close else help_of)


def overview() -> str:
    """What `--help` shows without a command."""
    width = max(map(len, COMMANDS))
    return "\n".join([
        f"usage: {PROGRAM} [COMMAND] [FLAGS]", "", INTRODUCTION, "", "commands:",
        *(f"  {name:<{width}}  {about.summary}" for name, about in COMMANDS.items()), "", "examples:",
        *(f"  {example}" for about in COMMANDS.values() for example in about.examples[:2]), "", EXIT_CODES, "",
        f"`{PROGRAM} COMMAND --help` shows the flags of a command, `{PROGRAM} run --help` those of a run.",
    ])  # fmt: skip

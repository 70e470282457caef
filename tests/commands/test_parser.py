"""The command line: each command has its own flags, and what is misplaced or misspelt gets one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.commands.catalogue import COMMANDS
from bench.commands.flags import FLAGS, flag
from bench.commands.parser import names, overview, parse, parser
from bench.spec import UserError


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_the_flags_of_the_command_and_no_others(command: str) -> None:
    shown = parser(command).format_help()
    words = set(shown.replace(",", " ").split())
    assert {word for word in words if word.startswith("--")} - {"--help"} >= set(map(flag, names(command)))
    usage_of_flags = {line.split()[0] for line in shown.splitlines() if line.startswith("  --")}
    assert usage_of_flags == set(map(flag, names(command)))


def test_the_overview_fits_a_screen_and_names_every_command() -> None:
    lines = overview().splitlines()
    assert len(lines) <= 40
    assert all(any(line.startswith(f"  {command} ") for line in lines) for command in COMMANDS)
    assert set(FLAGS) == {name for command in COMMANDS for name in names(command)}


@pytest.mark.parametrize("arguments", [["--tasks", "demo/digits", "--tune", "3"], ["--force"], []])
def test_without_a_command_run_is_meant(arguments: list[str]) -> None:
    assert parse(arguments) == parse(["run", *arguments])
    assert parse(arguments)[0] == "run"


def test_words_and_flags_come_in_any_order() -> None:
    wanted = ("data", ["get", "vtab1k/dtd", "vtab1k/pets"], Path("D"))
    for line in ("get vtab1k/dtd vtab1k/pets --data D", "--data D get vtab1k/dtd vtab1k/pets"):
        command, asked = parse(["data", *line.split()])
        assert (command, asked.words, asked.data) == wanted
    _, asked = parse(["predict", "winner", "--json", "a.png", "--top", "1", "b.png"])
    assert (asked.words, asked.json, asked.top) == (["winner", "a.png", "b.png"], True, 1)


def test_limits_of_several_flags_add_up() -> None:
    assert parse(["--budget", "2h", "--budget", "5PFLOP"])[1].budget == ["2h", "5PFLOP"]
    assert parse(["--backbone-arg", "a=1", "--backbone-arg", "b=2"])[1].backbone_arg == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("reprot", "there is no command 'reprot'; did you mean 'report'?"),
        ("xyzzy", "there is no command 'xyzzy'; `run_bench.py --help` shows them all"),
        ("plan --top 5", "plan has no --top, which is a flag of predict"),
        ("report --methods lora", "report has no --methods, which is a flag of run, plan"),
        ("--metods lora", "run has no --metods; did you mean --methods?"),
        ("--method lora", "run has no --method; did you mean --methods?"),
        ("--results x report", "'report' is a command, and comes first: run_bench.py report …"),
        ("--methods lora report", "'report' after --methods is a command, and comes first: run_bench.py report …"),
        ("--tasks demo plan --seeds 1", "'plan' after --tasks is a command, and comes first"),
        ("report plan", "report takes no 'plan'"),
        ("report everything", "report takes no 'everything'; `run_bench.py report --help` shows"),
        ("--seeds one", "--seeds: 'one' is no whole number"),
        ("--seeds", "--seeds: a value is missing"),
        ("--mean low", "--mean: 'low' is no number"),
        ("--sampler grid", "--sampler: 'grid' is none of 'tpe', 'random'"),
        ("--versus report", "--versus: 'report' is none of 'published'"),
        ("--force=yes", "--force: it takes no value such as 'yes'"),
    ],
)
def test_what_no_command_takes_is_told_in_a_sentence(line: str, says: str) -> None:
    with pytest.raises(UserError) as error:
        parse(line.split())
    assert says in str(error.value)
    assert "\n" not in str(error.value)

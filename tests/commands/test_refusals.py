"""What is wrong with a command is told in one sentence, before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import run_bench
from tests.command_line import QUICK, make_folder
from tests.conftest import REPOSITORY

Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Calls the command line in this process; returns with what a wrong command ends, after whatever it noted."""

    def call(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["run_bench.py", *map(str, arguments)])
        assert run_bench.main() == 2
        notes, program, said = capsys.readouterr().err.partition("run_bench.py: ")
        assert program and not notes.rpartition("\n")[2]
        return said.strip()

    return call


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--methods", "linear_prob"], "no method is called 'linear_prob'; did you mean 'linear_probe'?"),
        (["--tasks", "demo/digit"], "no task is called 'demo/digit'; did you mean 'demo/digits'?"),
        (["--tasks", "vtab1k", "--data", "/nonexistent"], "nothing can run"),
        (["--tasks", "folder:/nonexistent"], "/nonexistent"),
        (["--budget", "0"], "write 90s, 30m or 2h"),
        (["--budget", "soon"], "write 90s, 30m or 2h"),
        (["--results", "/proc/nowhere"], "name another with --results"),
        (["--checkpoint", "/nonexistent.pth", "--backbone", "resnet18"], "there is no checkpoint file"),
        (["--checkpoint", REPOSITORY / "LICENSE", "--backbone", "resnet18"], "cannot be read as weights alone"),
        (["--backbone", "resnet5O"], "timm has no backbone 'resnet5O'; did you mean"),
        (["--backbone-arg", "novalue"], "write NAME=VALUE"),
        (["--mean", "nan"], "give one number or three"),
        (["--std", "0"], "std above 0"),
        (["--image-size", "0"], "an image size of 0 px is none"),
        (["--seeds", "-1"], "a seed is a whole number"),
        (["--backbone-arg", "output_stride=7"], "does not take these arguments"),
        (["--device", "cuda:77"], "there is no device 'cuda:77' here"),
        (["report", "--results", "/nonexistent"], "there are no results"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[object], says: str, tmp_path: Path, refused: Refused) -> None:
    flags = [] if "--results" in arguments else ["--results", tmp_path]
    said = refused(*arguments, *flags)
    assert says in said and "\n" not in said
    assert not (tmp_path / "cells.jsonl").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tune", "0"], "is no number of trials"),
        (["--tune", "many"], "is no number of trials"),
        (["--tune", "auto"], "name one with --budget"),
        (["--oracle"], "ask for some with --tune"),
        (["--budget=-3m"], "is no positive amount"),
        (["--budget", "2parsecs"], "is no positive amount"),
        (["--memory-limit", "8GB", "--device", "cpu"], "holds on a GPU"),
        (["--tune", "2", "--storage", "nonsense"], "cannot be reached"),
        (["--methods", "linear_probe:l3=1"], "has no hyper-parameter in 'l3=1'"),
    ],
)
def test_wrong_limits_and_searches_are_sentences(
    flags: list[str], message: str, tmp_path: Path, refused: Refused
) -> None:
    usual = ["--methods", "linear_probe"] if "--methods" not in flags else []
    command_line = [*usual, "--tasks", "demo/cells", "--results", tmp_path, *flags]
    assert message in refused(*command_line)


def test_a_checkpoint_of_another_architecture_names_the_keys(tmp_path: Path, refused: Refused) -> None:
    weights = REPOSITORY / "bench" / "backbone" / "assets" / "demo.safetensors"
    said = refused(*QUICK, "--results", tmp_path, "--backbone", "test_vit", "--checkpoint", weights)
    assert "does not fit test_vit" in said
    assert "missing (" in said


@pytest.mark.parametrize("classes", [0, 1])
def test_a_folder_without_two_classes(classes: int, tmp_path: Path, refused: Refused) -> None:
    folder = make_folder(tmp_path / "photos", classes) if classes else tmp_path / "photos"
    folder.mkdir(exist_ok=True)
    assert str(folder) in refused("--tasks", f"folder:{folder}", "--results", tmp_path / "results")

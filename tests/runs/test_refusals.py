"""A method without a place in the backbone is left out by rule, before anything runs; a wrong setting fails there."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import bench
from bench.adapt.bases import ProbeMethod
from bench.adapt.lazy import solvers, torch
from bench.records.cells import Cost
from bench.records.left_out import is_left_out, left_out_line
from bench.records.request import Request
from bench.registry import METHODS
from bench.runs.comparison import Comparison, opened
from bench.spec import UserError
from tests.command_line import make_folder
from tests.synthetic import result


@dataclass(frozen=True)
class Tokens(ProbeMethod):
    """Scores nothing, and needs what the backbone may not have."""

    has: ClassVar[bool] = False
    asked: ClassVar[list[int]] = []

    many: int = 1

    def __post_init__(self) -> None:
        if self.many < 0:
            raise UserError("tokens cannot have fewer than none; give many=1 or more")

    def refusal(self, network: torch.nn.Module) -> str | None:
        """Needs tokens, and no more than there is memory for."""
        self.asked.append(self.many)
        if self.many > 99:
            raise UserError(f"{self.many} tokens do not fit into memory; give fewer with many")
        return None if self.has else f"tokens needs a ViT's tokens, and {type(network).__name__} has none"

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """The same score for every class."""
        return solvers.Head(torch.zeros(examples.matrix.shape[1], examples.classes), torch.zeros(examples.classes))


@dataclass(frozen=True)
class TooNew(ProbeMethod):
    """A method that cannot even be made here."""

    def __post_init__(self) -> None:
        raise UserError("too_new needs a newer library; install it")

    def solve(self, examples: solvers.Examples) -> solvers.Head:
        """Nothing, because it cannot be made."""
        raise AssertionError


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    """The registry with these two; afterwards as it was."""
    _ = list(METHODS.items())
    before = {name: copy(value) for name, value in vars(METHODS).items()}
    METHODS.replace("tokens", Tokens)
    METHODS.replace("too_new", TooNew)
    yield
    vars(METHODS).update(before)
    Tokens.has = False
    Tokens.asked.clear()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"folder:{make_folder(tmp_path_factory.mktemp('photos') / 'photos')}"


REASON = "tokens needs a ViT's tokens, and ResNet has none"


def test_it_is_recorded_first_and_costs_nothing_and_the_others_run(tmp_path: Path, photos: str) -> None:
    found = bench.compare(["linear_probe", Tokens], photos, seeds=2, results=tmp_path, track=False)
    assert found.outcome is not None
    assert (found.outcome.asked, found.outcome.done, found.outcome.left_out) == (2, 2, 2)
    assert found.outcome.complete and not found.outcome.over_budget
    records = found.store.results()
    assert [(one.method, one.stage, one.status) for one in records[:2]] == [("tokens", "final", "skipped")] * 2
    assert {one.reason for one in records[:2]} == {REASON} and all(one.cost == Cost() for one in records[:2])
    assert [one.status for one in records[2:]] == ["done", "done"]
    assert Tokens.asked == [1]  # once for both seeds
    with pytest.raises(UserError, match=f"seed 0.* was left out: {REASON}; `export` alone lists"):
        found.export(records[0].key, to=tmp_path / "none")
    frame = found.frame().set_index("method")
    assert list(frame.loc["tokens", "status"]) == ["skipped"] * 2 and frame.loc["tokens", "accuracy"].isna().all()


def test_a_settled_one_is_asked_again_only_by_force(tmp_path: Path, photos: str) -> None:
    request = Request(methods=["linear_probe", "tokens"], tasks=[photos], results=tmp_path)
    plan = Comparison.of(request).plan()
    for force, left in ((False, 2), (False, 0), (True, 2)):
        with opened(Request(**{**vars(request), "force": force}), plan) as run:
            assert len(run.todo) == left
            run.work()
            assert run.outcome().complete and run.outcome().left_out == 1
    Tokens.has = True
    assert [one.method for one in bench.open_results(tmp_path).store.results()].count("tokens") == 2
    with opened(Request(**{**vars(request), "force": True}), plan) as run:
        run.work()
        assert (run.outcome().done, run.outcome().left_out) == (2, 0)
        assert run.outcome().complete


def test_what_is_wrong_with_a_setting_fails_before_anything_runs(tmp_path: Path, photos: str) -> None:
    found = bench.compare(["linear_probe", Tokens(many=100)], photos, results=tmp_path, track=False)
    first, last = found.store.results()
    assert (first.method, first.status, last.status) == ("tokens:many=100", "failed", "done")
    assert first.reason == "100 tokens do not fit into memory; give fewer with many" and first.cost == Cost()
    assert found.outcome is not None and not found.outcome.complete


def test_a_method_that_cannot_be_made_is_told_and_the_others_run(tmp_path: Path, photos: str) -> None:
    found = bench.compare(["linear_probe", "too_new"], photos, results=tmp_path, track=False)
    assert found.outcome is not None and found.outcome.done == found.outcome.asked == 1
    assert found.outcome.missing == {"too_new": "too_new needs a newer library; install it"}
    assert not found.outcome.complete
    with pytest.raises(UserError, match="too_new needs a newer library"):
        bench.compare("too_new", photos, results=tmp_path, track=False)


def test_the_line_puts_together_what_differs_in_the_name_alone() -> None:
    pairs = [("vpt", "vpt needs tokens"), ("fact:rank=2", "fact needs tokens"), ("vpt", "vpt needs tokens")]
    assert left_out_line(pairs) == "left out: vpt, fact:rank=2 (need tokens)"
    assert left_out_line([*pairs[:1], ("b", "b has no place here")]) == (
        "left out: vpt (needs tokens); b (has no place here)"
    )
    assert left_out_line([]) == ""


def test_a_pruned_trial_is_not_left_out() -> None:
    assert not is_left_out(result(stage="trial", status="skipped", reason="pruned", accuracy={}))
    assert is_left_out(result(status="skipped", reason="x", accuracy={}))
    assert not is_left_out(result(status="failed", reason="x", accuracy={}))

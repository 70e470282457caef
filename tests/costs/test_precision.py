"""Number formats: what each means on a device, and the contexts in which work is done."""

from __future__ import annotations

import re

import pytest
import torch

from bench.costs.precision import Precision, choose_precision, exact, formats, ieee_by_default
from bench.spec import UserError

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


def pretend(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int]) -> None:
    """A GPU of that compute capability, as the driver would describe it."""

    class Here:
        def __init__(self, device: torch.device) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(torch.cuda, "device", Here)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: capability >= (8, 0))


def product_format(rows: int = 4) -> torch.dtype:
    return (torch.ones(rows, rows) @ torch.ones(rows, rows)).dtype


@pytest.mark.parametrize(
    "capability, asked, frozen, trained",
    [
        ((9, 0), "auto", "tf32", "bf16"),
        ((9, 0), "bf16", "bf16", "bf16"),
        ((9, 0), "tf32", "tf32", "tf32"),
        ((9, 0), "fp32", "fp32", "fp32"),
        ((7, 5), "auto", "fp32", "fp32"),
    ],
)
def test_what_is_asked_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], asked: str, frozen: str, trained: str
) -> None:
    pretend(monkeypatch, capability)
    found = choose_precision(asked, GPU)
    assert (found.frozen, found.trained) == (frozen, trained)


@pytest.mark.parametrize("asked", ["tf32", "bf16"])
def test_an_old_gpu_refuses_what_it_would_emulate(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    pretend(monkeypatch, (7, 5))
    with pytest.raises(UserError, match=f"cuda:0 does not compute in {asked}; choose fp32 with --precision, or auto"):
        choose_precision(asked, GPU)


def test_the_cpu_has_bf16_and_no_tf32_and_takes_fp32_by_itself() -> None:
    assert str(choose_precision("auto", CPU)) == "fp32"
    assert str(choose_precision("bf16", CPU)) == "bf16"
    assert formats(torch.device("mps")) == ["fp32"]
    with pytest.raises(UserError, match=re.escape("cpu does not compute in tf32; choose fp32 or bf16")):
        choose_precision("tf32", CPU)


def test_a_record_says_what_differs() -> None:
    assert str(Precision(GPU, "tf32", "bf16")) == "bf16 trained, tf32 frozen"


def test_autocast_holds_for_its_own_part_and_never_in_a_solver() -> None:
    mixed = Precision(CPU, frozen="fp32", trained="bf16")
    with mixed.computing(trained=True):
        assert product_format() == torch.bfloat16
        with exact(CPU):
            assert product_format() == torch.float32
        with mixed.computing(trained=False):
            assert product_format() == torch.float32
        assert product_format() == torch.bfloat16
    assert product_format() == torch.float32


def test_tf32_holds_for_products_and_convolutions_alike_and_ends_with_the_pass() -> None:
    flags = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [flag.allow_tf32 for flag in flags]
    with Precision(GPU, frozen="tf32").computing(trained=False):
        assert [flag.allow_tf32 for flag in flags] == [True, True]
        with exact(GPU):
            assert [flag.allow_tf32 for flag in flags] == [False, False]
        assert [flag.allow_tf32 for flag in flags] == [True, True]
    assert [flag.allow_tf32 for flag in flags] == before


def test_solvers_are_ieee_where_the_environment_has_turned_tf32_on() -> None:
    with Precision(GPU, frozen="tf32").computing(trained=False):
        ieee_by_default()
        assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32


def test_the_formats_of_an_error_are_left_behind() -> None:
    before = torch.backends.cuda.matmul.allow_tf32
    with pytest.raises(ValueError), Precision(GPU, frozen="tf32").computing(trained=False):
        raise ValueError
    assert torch.backends.cuda.matmul.allow_tf32 == before

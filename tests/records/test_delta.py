"""Files of deltas: each says its own format, and gives back what that format can hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from bench.records.delta import read, store_of, write
from bench.records.request import STORES, Request
from bench.spec import UserError


def tensors() -> dict[str, Tensor]:
    """A matrix with an empty row, a kernel, vectors of all sizes, and whole numbers."""
    drawn = torch.Generator().manual_seed(0)
    matrix = torch.randn(30, 200, generator=drawn) * torch.logspace(-4, 1, 30)[:, None]
    matrix[3] = 0
    return {
        "matrix": matrix,
        "kernel": torch.randn(16, 8, 3, 3, generator=drawn),
        "vector": torch.randn(50, generator=drawn),
        "large": torch.tensor([1.0, 1e6]),
        "one": torch.tensor(3.0),
        "index": torch.tensor([1, 70000], dtype=torch.int32),
        "mask": torch.tensor([1, 255], dtype=torch.uint8),
        "half": torch.tensor([0.5], dtype=torch.float16),
    }


@pytest.mark.parametrize(
    ("store", "kind", "bytes_each"),
    [("fp32", torch.float32, 4), ("bf16", torch.bfloat16, 2), ("fp16", torch.float16, 2), ("int8", torch.int8, 1)],
)
def test_a_file_says_its_format_and_is_read_by_it(
    store: str, kind: torch.dtype, bytes_each: int, tmp_path: Path
) -> None:
    path, given = tmp_path / "x.safetensors", tensors()
    write(given, path, store)
    assert store_of(path) == store
    assert {load_file(path)[name].dtype for name in ("matrix", "kernel")} == {kind}
    found = read(path)
    assert set(found) == set(given) and all(found[name].shape == value.shape for name, value in given.items())
    assert all(found[name].dtype == torch.float32 for name in ("matrix", "kernel", "vector", "large", "one"))
    assert all(torch.equal(found[name], given[name]) for name in ("index", "mask", "one", "half"))
    assert path.stat().st_size < bytes_each * (30 * 200 + 16 * 72) + 2000


@pytest.mark.parametrize(("store", "relative"), [("fp32", 0.0), ("bf16", 2**-8), ("fp16", 2**-10), ("int8", 0.5 / 127)])
def test_what_is_read_back_is_as_near_as_the_format_allows(store: str, relative: float, tmp_path: Path) -> None:
    path, given = tmp_path / "x.safetensors", tensors()
    write(given, path, store)
    for name, value in read(path).items():
        if name in ("matrix", "kernel"):  # a row of int8 is as fine as its largest magnitude
            largest = given[name].abs().flatten(1).amax(1).clamp_min(6e-5)
            assert bool(((value - given[name]).abs().flatten(1).amax(1) <= 1.001 * relative * largest).all())
        elif name in ("vector", "large"):
            assert torch.allclose(value, given[name], rtol=2**-8, atol=0)
    again = tmp_path / "again.safetensors"
    write(read(path), again, store)
    assert all(torch.allclose(value, read(path)[name], rtol=1e-6, atol=0) for name, value in read(again).items())


def test_numbers_that_are_not_finite_stay_so(tmp_path: Path) -> None:
    for store in STORES:
        write({"w": torch.tensor([[1.0, float("nan")], [float("inf"), 1.0]])}, tmp_path / "x", store)
        assert not bool(read(tmp_path / "x")["w"].isfinite().all())


def test_an_unknown_format_is_a_sentence() -> None:
    with pytest.raises(UserError, match="cannot be stored as 'int4'; choose one of fp32, bf16, fp16, int8"):
        Request(store="int4")

"""A pretended GPU: its tensors say that they are on `cuda:0`, and compute on the CPU.

It stands in for the device and its driver alone. As on a real one, operations on tensors of both devices fail, and what
is copied between them is written down. `FakeTensorMode` has no numbers, so it would stop at the first decision that
depends on one. A backward pass needs a real device: torch's autograd has no thread for this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

GPU, CPU = torch.device("cuda:0"), torch.device("cpu")
FREE = 8 << 30  # bytes of its memory, all of them free
aten = torch.ops.aten
COPIES = {aten._to_copy.default, aten.copy_.default}
INDEXING = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default}  # take indices of the CPU too
RANDOM = ("rand", "normal", "uniform", "bernoulli")


class OnGPU(Tensor):
    """A tensor whose numbers are in `held`, a tensor of the CPU."""

    held: Tensor

    @staticmethod
    def __new__(cls, real: Tensor) -> OnGPU:
        made: OnGPU = Tensor._make_wrapper_subclass(
            cls, real.shape, real.stride(), real.storage_offset(), dtype=real.dtype, device=GPU
        )
        made.held = real
        return made

    def tolist(self) -> Any:
        """As of any tensor; torch refuses it of a subclass."""
        return self.cpu().tolist()

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"{func} on the pretended GPU outside of `pretended`")


class Driver(TorchDispatchMode):
    """Does on the CPU what is asked of the GPU. `copied` are the bytes of each copy: to the GPU, and from it."""

    def __init__(self) -> None:
        super().__init__()
        self.copied: dict[str, list[int]] = {"to": [], "from": []}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        flat, _ = tree_flatten((args, kwargs or {}))
        tensors = [value for value in flat if isinstance(value, Tensor)]
        ours = any(isinstance(value, OnGPU) for value in tensors)
        asked = (kwargs or {}).get("device")
        there = ours if asked is None else torch.device(asked).type == "cuda"
        if ours and func not in COPIES | INDEXING:
            apart = [value for value in tensors if not isinstance(value, OnGPU) and value.dim()]
            assert not apart, f"{func} got a tensor of the CPU, {tuple(apart[0].shape)}, beside one of the GPU"
        assert not (there and any(word in str(func) for word in RANDOM)), f"{func} draws on the GPU"
        self._write_down(func, args, there)
        known = {id(value.held): value for value in tensors if isinstance(value, OnGPU)}
        result = func(*tree_map(_real, args), **tree_map(_real, kwargs or {}))
        return tree_map(lambda value: _placed(value, known, there), result)

    def _write_down(self, func: Any, args: Any, there: bool) -> None:
        if func not in COPIES:
            return
        source = isinstance(args[1 if func is aten.copy_.default else 0], OnGPU)
        target = isinstance(args[0], OnGPU) if func is aten.copy_.default else there
        if source != target:
            self.copied["to" if target else "from"].append(args[0].nbytes)


def _real(value: Any) -> Any:
    if isinstance(value, OnGPU):
        return value.held
    return CPU if isinstance(value, torch.device) else value


def _placed(value: Any, known: dict[int, OnGPU], there: bool) -> Any:
    """What an operation returns, on the device where it belongs; what was changed in place stays the same tensor."""
    if not isinstance(value, Tensor):
        return value
    return known[id(value)] if id(value) in known else OnGPU(value) if there else value


class Event:
    """A CUDA event that takes no time."""

    def __init__(self, enable_timing: bool = False) -> None: ...

    def synchronize(self) -> None:
        """Waits until the stream has come to the mark."""

    def record(self, stream: object) -> None:
        """Marks a place in the stream."""

    def elapsed_time(self, other: Event) -> float:
        """Milliseconds."""
        return 1.0


class Stream:
    """A CUDA stream whose work is done at once."""

    def __init__(self, device: torch.device | None = None) -> None: ...

    def record_event(self) -> Event:
        """A mark in the stream."""
        return Event()

    def wait_event(self, event: Event) -> None:
        """Later work of the stream begins after the mark."""


@contextmanager
def pretended() -> Iterator[Driver]:
    """A machine with a GPU, within the block."""
    answers: dict[str, Any] = {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "Stream": Stream,
        "stream": lambda stream: nullcontext(),
        "current_stream": Stream,
        "synchronize": lambda device=None: None,
        "empty_cache": lambda: None,
        "device": lambda device: nullcontext(),
        "get_device_name": lambda device=None: "Pretended GPU",
        "get_device_capability": lambda device=None: (9, 0),
        "get_device_properties": lambda device=None: SimpleNamespace(total_memory=FREE, uuid="none"),
        "is_bf16_supported": lambda including_emulation=True: True,
        "mem_get_info": lambda device=None: (FREE, FREE),
        "memory_allocated": lambda device=None: 0,
        "memory_reserved": lambda device=None: 0,
        "max_memory_allocated": lambda device=None: 0,
        "reset_peak_memory_stats": lambda device=None: None,
        "get_per_process_memory_fraction": lambda device=None: 1.0,
        "Event": Event,
    }
    swap, lift = torch.__future__.get_swap_module_params_on_conversion(), torch._C._only_lift_cpu_tensors()
    torch.__future__.set_swap_module_params_on_conversion(True)  # a parameter's numbers move with it
    torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor` makes a tensor on the CPU, and then asks for a copy
    torch._C._ensureCUDADeviceGuardSet()  # where there is no GPU, changing to one does nothing
    try:
        answered = patch.multiple(torch.cuda, create=True, **answers)
        memory = patch.multiple(Tensor, pin_memory=lambda self: self, record_stream=lambda self, stream: None)
        with answered, memory, torch.backends.cudnn.flags(enabled=False), Driver() as driver:
            yield driver
    finally:
        torch.__future__.set_swap_module_params_on_conversion(swap)
        torch._C._set_only_lift_cpu_tensors(lift)

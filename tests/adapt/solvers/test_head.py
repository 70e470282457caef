"""Fresh heads: a seed gives the same one on every device."""

from __future__ import annotations

import torch

from bench.adapt.solvers.head import fresh


def test_a_fresh_head_is_drawn_on_the_cpu_wherever_it_goes() -> None:
    """The meta device holds no numbers: what is drawn for a head there is seen by what the CPU draws next."""

    def next_draw(device: str) -> torch.Tensor:
        torch.manual_seed(0)
        head = fresh(6, 3, torch.device(device))
        assert head.weight.device.type == head.bias.device.type == device
        return torch.rand(4)

    assert torch.equal(next_draw("cpu"), next_draw("meta"))

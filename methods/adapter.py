"""Adapters in sequence: a bottleneck behind the branches of each block (Houlsby et al. 2019; Pfeiffer et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import InsertedMethod
from bench.adapt.lazy import adapters, places, torch
from bench.registry import method
from bench.spec import UserError

FORMS = ("houlsby", "pfeiffer")


@method("adapter", family="adapters", extra=True)
@dataclass(frozen=True)
class Adapter(InsertedMethod):
    """Puts y + scale · up(dropout(GELU(down(y)))) behind the branches of each block, before each is added to x.

    `form` "houlsby" does so behind attention and MLP; "pfeiffer" behind the MLP alone. `up` starts at zero. The norms
    are not trained, as they are by Houlsby et al.: that is a method of its own here.

    Source: Houlsby et al., ICML 2019, section 2.1; Pfeiffer et al., EACL 2021, for its place; the recipe is NOAH's
    (Zhang et al. 2022, ZhangYuanhan-AI/NOAH@e9c55f3).
    """

    # Sizes and scales as in the neutral study of OSU-MLB/ViT_PEFT_Vision@cea7e21.
    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "form": CategoricalDistribution(FORMS),
        "hidden": CategoricalDistribution((4, 8, 16, 32, 64)),
        "scale": FloatDistribution(0.1, 10.0, log=True),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-2, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    form: str = "houlsby"
    hidden: int = 8
    scale: float = 1.0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Raises UserError for a form that there is not."""
        super().__post_init__()
        if self.form not in FORMS:
            raise UserError(f"no adapter has the form {self.form!r}; choose {' or '.join(FORMS)}")

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network without pre-norm blocks of a transformer."""
        return places.needs_blocks(network, "adapter")

    def insert(self, network: torch.nn.Module) -> None:
        """A bottleneck with a residual of its own behind each branch, or each MLP."""
        for block in places.transformer_blocks(network):
            for branch in block.branches if self.form == "houlsby" else (block.mlp,):
                gelu = torch.nn.GELU()
                module = adapters.Bottleneck(branch.width, self.hidden, gelu, self.dropout, self.scale)
                name = "adapter_mlp" if branch is block.mlp else "adapter_attention"
                branch.behind(name, adapters.Residual(module))

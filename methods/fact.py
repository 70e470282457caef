"""FacT: updates of all layers as one tensor in shared factors and small cores (Jie and Deng, AAAI 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.adapt.inserted import FoldedMethod
from bench.adapt.lazy import factors, places, torch
from bench.registry import method
from bench.spec import UserError

FORMS = ("tt", "tk")


@method("fact", family="low_rank", extra=True)
@dataclass(frozen=True)
class Fact(FoldedMethod):
    """Adds scale · V(dropout(C(U x))) to what qkv, proj, fc1 and fc2 of every block give; U and V are one for all.

    A core C is (rank, rank): one for each of q, k, v and proj, and one for each chunk of the hidden numbers of fc1 and
    fc2 that is as wide as the tokens. With `form` "tt" (tensor train) each is trained; with "tk" (Tucker) they are
    mixtures of the slices of one. V starts at zero. Its authors choose rank and scale by task, as `space` does; here
    they are 8 and 1.

    Source: arXiv:2212.03145, section 3, and JieShibo/PETL-ViT@026e4f1, FacT/fact_tt.py and fact_tk.py.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "form": CategoricalDistribution(FORMS),
        "rank": CategoricalDistribution((4, 8, 16, 32)),
        "scale": FloatDistribution(0.1, 10.0, log=True),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
        "drop_path": FloatDistribution(0.0, 0.3),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }

    form: str = "tt"
    rank: int = 8
    scale: float = 1.0
    dropout: float = 0.1

    def __post_init__(self) -> None:
        """Raises UserError for a form that there is not."""
        super().__post_init__()
        if self.form not in FORMS:
            raise UserError(f"FacT has no form {self.form!r}; choose {' or '.join(FORMS)}")

    def refusal(self, network: torch.nn.Module) -> str | None:
        """A network that is no plain ViT with equal blocks, or is narrower than the rank."""
        if why := places.needs_tokens(network, "fact"):
            return why
        kind = type(network).__name__
        if not factors.hidden_multiple(network):
            return f"fact needs MLPs that are a multiple of the tokens' width wide, which those of {kind} are not"
        if (width := places.transformer_blocks(network)[0].attention.width) < self.rank:
            return f"the tokens of {kind} are narrower than the rank {self.rank}; choose one of at most {width}"
        return None

    def insert(self, network: torch.nn.Module) -> None:
        """The factors, and what applies them to each layer."""
        if why := self.refusal(network):
            raise UserError(why)
        factors.insert(network, self.rank, self.form, self.dropout, self.scale)

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network with the updates added to its weights."""
        factors.fold(network)
        return network

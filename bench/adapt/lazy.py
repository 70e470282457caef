"""Heavy modules, each imported when one of its names is first used.

Method files import at their top from here, and listing the methods stays light:

    from bench.adapt.lazy import solvers, torch

Functions and annotations may use them. A decorator or a base class would import them at once.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = [
    "activations",
    "adapters",
    "attentive",
    "cut",
    "factors",
    "features",
    "last_blocks",
    "neighbours",
    "parameters",
    "peft",
    "penalties",
    "places",
    "probe",
    "projections",
    "prompts",
    "queries",
    "ranking",
    "readout",
    "reflections",
    "relative_rates",
    "schedule",
    "side",
    "solvers",
    "sources",
    "taps",
    "torch",
    "trained",
    "training",
]


class Lazy(ModuleType):
    """Stands for a module, and imports it when it is asked for any of its names."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self.__name__), name)


if TYPE_CHECKING:
    import peft
    import torch

    from bench.adapt import (
        adapters,
        attentive,
        factors,
        neighbours,
        penalties,
        places,
        probe,
        prompts,
        queries,
        ranking,
        readout,
        reflections,
        relative_rates,
        schedule,
        side,
        solvers,
        sources,
        trained,
    )
    from bench.adapt import train as training
    from bench.backbone import (
        activations,
        cut,
        features,
        last_blocks,
        parameters,
        projections,
        taps,
    )
else:
    activations = Lazy("bench.backbone.activations")
    adapters = Lazy("bench.adapt.adapters")
    attentive = Lazy("bench.adapt.attentive")
    cut = Lazy("bench.backbone.cut")
    factors = Lazy("bench.adapt.factors")
    features = Lazy("bench.backbone.features")
    last_blocks = Lazy("bench.backbone.last_blocks")
    neighbours = Lazy("bench.adapt.neighbours")
    parameters = Lazy("bench.backbone.parameters")
    peft = Lazy("peft")
    penalties = Lazy("bench.adapt.penalties")
    places = Lazy("bench.adapt.places")
    probe = Lazy("bench.adapt.probe")
    projections = Lazy("bench.backbone.projections")
    prompts = Lazy("bench.adapt.prompts")
    queries = Lazy("bench.adapt.queries")
    ranking = Lazy("bench.adapt.ranking")
    readout = Lazy("bench.adapt.readout")
    reflections = Lazy("bench.adapt.reflections")
    relative_rates = Lazy("bench.adapt.relative_rates")
    schedule = Lazy("bench.adapt.schedule")
    side = Lazy("bench.adapt.side")
    solvers = Lazy("bench.adapt.solvers")
    sources = Lazy("bench.adapt.sources")
    taps = Lazy("bench.backbone.taps")
    torch = Lazy("torch")
    trained = Lazy("bench.adapt.trained")
    training = Lazy("bench.adapt.train")

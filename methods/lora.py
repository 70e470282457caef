"""LoRA: low-rank updates of frozen weights, by peft (Hu et al., ICLR 2022), with a fresh head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from bench.registry import method
from bench.spec import Adapted, Backbone, Meter, Split

if TYPE_CHECKING:
    from torch import Tensor, nn

FACTOR = ".lora_A.weight"  # ends the name of the first factor of each layer that peft adapts


@method("lora")
@dataclass(frozen=True)
class Lora:
    """Trains low-rank updates of the attention and MLP projections of a transformer, or of a CNN's convolutions.

    The backbone's own weights and batch statistics stay as they are; A, B and the head are kept. `alpha` is a multiple
    of the rank, so that the update's scale does not move with the rank.
    """

    space: ClassVar[Mapping[str, BaseDistribution]] = {
        "rank": CategoricalDistribution((2, 4, 8, 16, 32)),
        "alpha": FloatDistribution(0.5, 8.0, log=True),
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "epochs": CategoricalDistribution((15, 30, 60, 100)),
    }
    frozen: ClassVar[bool] = False
    folds: ClassVar[int] = 1

    rank: int = 8
    alpha: float = 2.0
    lr: float = 2e-3
    epochs: int = 15
    batch: int = 50
    weight_decay: float = 0.01
    warmup: float = 0.1

    @property
    def passes(self) -> float:
        return 3.0 * self.epochs

    def fit(self, backbone: Backbone, train: Split, meter: Meter) -> Adapted:
        from bench.adapt.train import Recipe  # here and below, so that listing methods stays light
        from bench.adapt.train import train as run
        from bench.adapt.trained import Tuned

        network = self._adapted(backbone, train.classes)
        recipe = Recipe(self.epochs, self.lr, self.batch, self.weight_decay, self.warmup)
        run(backbone, network.eval(), train, recipe, meter)  # eval: batch statistics stay those of pretraining
        return Tuned(backbone, network, _delta)

    def restore(self, backbone: Backbone, stored: Mapping[str, Tensor], classes: int) -> Adapted:
        from peft import set_peft_model_state_dict  # here and below, so that listing methods stays light

        from bench.adapt.trained import Tuned

        network = self._adapted(backbone, classes)
        set_peft_model_state_dict(network, dict(stored))
        return Tuned(backbone, network.eval(), _delta)

    def _adapted(self, backbone: Backbone, classes: int) -> nn.Module:
        from peft import LoraConfig, get_peft_model  # here, so that listing methods stays light

        network = backbone.network(classes)
        targets, head = lora_targets(network)
        adapted: nn.Module = get_peft_model(network, LoraConfig(**self._config(targets, head)))
        return adapted

    def _config(self, targets: Sequence[str], head: str) -> dict[str, Any]:
        """What peft is told: the layers to adapt by their full names, and the head, which is trained as it is."""
        scale = self.alpha * self.rank
        return {"r": self.rank, "lora_alpha": scale, "target_modules": list(targets), "modules_to_save": [head]}

    def layout(self, names: Sequence[str]) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        """The files that `peft.PeftModel.from_pretrained` looks for, when a delta with these tensors is exported."""
        short = [name.removeprefix("base_model.model.") for name in names]
        targets = [name.removesuffix(FACTOR) for name in short if name.endswith(FACTOR)]
        head = next(name for name in short if ".lora_" not in name).rpartition(".")[0]
        config = {"peft_type": "LORA", **self._config(sorted(targets), head)}
        return "adapter_model.safetensors", {"adapter_config.json": config}


def lora_targets(network: Any) -> tuple[list[str], str]:
    """Full names of the layers that LoRA adapts, and of the head, of a timm network.

    A network with attention: the linear projections of its attention and MLP blocks. Any other: its convolutions, but
    for depthwise ones, whose kernels are of low rank already, and dilated ones, whose dilation peft's A would not have.
    """
    from torch import nn  # here, so that listing methods stays light

    modules = dict(network.named_modules())
    head = next(name for name, module in modules.items() if module is network.get_classifier())
    linear = [
        name
        for name, module in modules.items()
        if isinstance(module, nn.Linear) and any(part.startswith(("attn", "mlp")) for part in name.split("."))
    ]
    convolutions = [
        name
        for name, module in modules.items()
        if isinstance(module, nn.Conv2d) and module.groups == 1 and module.dilation == (1, 1) and name != head
    ]
    return (linear if any(".attn." in name for name in linear) else convolutions + linear), head


def _delta(network: Any) -> Mapping[str, Tensor]:
    from peft import get_peft_model_state_dict  # here, so that listing methods stays light

    return get_peft_model_state_dict(network)  # type: ignore[no-any-return]

"""What methods of the library peft have in common: where their layers go, what is kept, and how peft reads it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.adapt import grids
from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import parameters, peft, torch, trained
from bench.spec import Backbone

WRAPPED = "base_model.model."  # begins the name of every tensor in a network that peft has wrapped


@dataclass(frozen=True)
class PeftMethod(TrainedMethod):
    """A method that trains what peft adds to a frozen network, and a fresh head.

    A subclass gives peft's configuration in `config`. Batch statistics stay those of pretraining.
    """

    prefix: ClassVar[str]  # begins the names of the tensors that peft adds to a layer, such as "lora_"

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """`peft_type` and the hyper-parameters by peft's names, without the layers."""

    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": grids.INSERTED}

    lr: float | None = 1e-3

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone with a fresh head and what peft adds to its layers, in train mode with frozen statistics."""
        network = self.copy(backbone, classes).cpu()  # peft draws its layers where the network lies
        wrapped: torch.nn.Module = peft.get_peft_model(network, peft.get_peft_config(self._full(*layers(network))))
        return parameters.freeze_statistics(wrapped).to(backbone.device)

    def classifier(self, network: torch.nn.Module) -> torch.nn.Module:
        """The copy of the head that peft trains."""
        wrapper: Any = next(one for one in network.modules() if isinstance(one, peft.utils.ModulesToSaveWrapper))
        trained: torch.nn.Module = wrapper.modules_to_save[wrapper.active_adapters[0]]
        return trained

    def merged(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network with what peft added merged into its layers' weights."""
        wrapped: Any = network
        plain: torch.nn.Module = wrapped.merge_and_unload()
        return plain

    def kept(self, network: torch.nn.Module) -> Mapping[str, torch.Tensor]:
        """What peft added, and the head."""
        kept: Mapping[str, torch.Tensor] = peft.get_peft_model_state_dict(network)
        return kept

    def load(self, network: torch.nn.Module, stored: Mapping[str, torch.Tensor]) -> None:
        """Puts what was kept into a network that peft has wrapped anew."""
        peft.set_peft_model_state_dict(network, dict(stored))

    def restore(self, backbone: Backbone, stored: Mapping[str, torch.Tensor], classes: int) -> trained.Trained:
        """The trained network from what was kept, for evaluation: what peft added is merged into the layers' weights.

        So it costs what the backbone alone does. A method whose layers cannot be merged restores by itself.
        """
        network = self.network(backbone, classes)
        self.load(network, stored)
        return trained.Trained(backbone, self.merged(network).eval(), lambda _merged: stored)

    def layout(self, names: Sequence[str]) -> tuple[str, Mapping[str, Mapping[str, Any]]]:
        """The files that `peft.PeftModel.from_pretrained` looks for, when a delta with these tensors is exported."""
        short = [name.removeprefix(WRAPPED) for name in names]
        targets = sorted({name.partition(f".{self.prefix}")[0] for name in short if f".{self.prefix}" in name})
        head = next(name for name in short if f".{self.prefix}" not in name).rpartition(".")[0]
        return "adapter_model.safetensors", {"adapter_config.json": self._full(targets, head)}

    def _full(self, targets: Sequence[str], head: str) -> dict[str, Any]:
        return {**self.config(), "target_modules": list(targets), "modules_to_save": [head]}


def layers(network: Any) -> tuple[list[str], str]:
    """Full names of the layers of a timm network that are adapted, and of its head.

    A network with attention: the linear projections of its attention and MLP blocks. Any other: its convolutions,
    without depthwise ones, whose kernels are of low rank already, and without dilated ones, whose dilation peft's first
    factor would not have.
    """
    modules = dict(network.named_modules())
    head = next(name for name, module in modules.items() if module is network.get_classifier())
    linear = [
        name
        for name, module in modules.items()
        if isinstance(module, torch.nn.Linear) and any(part.startswith(("attn", "mlp")) for part in name.split("."))
    ]
    convolutions = [
        name
        for name, module in modules.items()
        if isinstance(module, torch.nn.Conv2d) and module.groups == 1 and module.dilation == (1, 1) and name != head
    ]
    return (linear if any(".attn." in name for name in linear) else convolutions + linear), head

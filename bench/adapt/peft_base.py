"""What methods of the library peft have in common: where their layers go, what is kept, and how peft reads it."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bench.adapt import grids
from bench.adapt.bases import TrainedMethod
from bench.adapt.lazy import parameters, peft, projections, torch, trained
from bench.spec import Backbone, UserError

WRAPPED = "base_model.model."  # begins the name of every tensor in a network that peft has wrapped


@dataclass(frozen=True)
class PeftMethod(TrainedMethod):
    """A method that trains what peft adds to a frozen network, and a fresh head.

    A subclass gives peft's configuration in `config`. Batch statistics stay those of pretraining. `targets` says which
    layers of a network with attention are adapted: those of "qkv", of "attention", or "all" of attention and MLP.
    """

    prefix: ClassVar[str]  # begins the names of the tensors that peft adds to a layer, such as "lora_"
    linear_only: ClassVar[bool] = False  # True: it has no form for convolutions

    @abstractmethod
    def config(self, layers: Sequence[str]) -> dict[str, Any]:
        """`peft_type` and the hyper-parameters by peft's names, for layers of these full names."""

    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"lr": grids.INSERTED}

    lr: float | None = 1e-3
    targets: str = "all"

    def __post_init__(self) -> None:
        """Raises UserError for layers that nothing is said of."""
        super().__post_init__()
        grids.check_targets(self.targets)

    @property
    def width(self) -> int:
        """The fewest inputs or outputs of a layer that is adapted: the rank, where there is one."""
        return 1

    def layers(self, network: torch.nn.Module) -> list[str]:
        """Full names of the layers of a timm network that are adapted."""
        return list(projections.projections(network, self.targets, self.width, self.linear_only))

    def refusal(self, network: torch.nn.Module) -> str | None:
        """Layers that peft would compute otherwise, none at all, or none that is wide enough."""
        why = projections.unsuitable(network, self.targets, self.width, self.linear_only)
        return why or projections.standardised(network, self.targets)

    def network(self, backbone: Backbone, classes: int) -> torch.nn.Module:
        """The backbone with a fresh head and what peft adds to its layers, in train mode with frozen statistics."""
        network = self.copy(backbone, classes).cpu()  # peft draws its layers where the network lies
        if why := self.refusal(network):
            raise UserError(why)
        projections.separate_biases(network)
        classifier = self.classifier(network)
        head = next(name for name, module in network.named_modules() if module is classifier)
        wrapped: torch.nn.Module = peft.get_peft_model(network, self._known(self._full(self.layers(network), head)))
        return parameters.freeze_statistics(only_head(wrapped, WRAPPED + head)).to(backbone.device)

    def classifier(self, network: torch.nn.Module) -> torch.nn.Module:
        """The head: of a network that peft has wrapped, the copy of it that is trained."""
        for wrapper in network.modules():
            if isinstance(wrapper, peft.utils.ModulesToSaveWrapper):
                trained: torch.nn.Module = wrapper.modules_to_save[wrapper.active_adapters[0]]
                return trained
        return super().classifier(network)

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

        So it costs what the backbone alone does.
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

    def _full(self, layers: Sequence[str], head: str) -> dict[str, Any]:
        return {**self.config(layers), "target_modules": exactly(layers), "modules_to_save": [head]}

    def _known(self, full: Mapping[str, Any]) -> Any:
        """peft's configuration. Raises UserError where the installed peft does not know the method yet."""
        if full["peft_type"] not in peft.PEFT_TYPE_TO_CONFIG_MAPPING:
            raise UserError(f"peft {peft.__version__} has no {full['peft_type']} yet; upgrade it (pip install -U peft)")
        return peft.get_peft_config(dict(full))


def exactly(layers: Sequence[str]) -> str:
    """The expression by which peft finds these layers alone: by a name it would find all that end in it."""
    return "|".join(re.escape(name) for name in layers)


def only_head(wrapped: torch.nn.Module, head: str) -> torch.nn.Module:
    """The network without the copies that peft made of other modules whose names end as the head's does."""
    for name, module in list(wrapped.named_modules()):
        if isinstance(module, peft.utils.ModulesToSaveWrapper) and name != head:
            wrapped.set_submodule(name, module.original_module)
    return wrapped

"""Penalties of fine-tuning, each a rule beside the loss: on weights, on the spectrum of embeddings, on feature maps."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import ExitStack

import torch
from torch import Tensor, nn

from bench.adapt.train import Rule
from bench.backbone.cut import residual_blocks
from bench.backbone.taps import EMBEDDING, head, listen
from bench.spec import Backbone


class Penalty(Rule):
    """A penalty of a given strength on a network that is trained."""

    def __init__(self, strength: float, backbone: Backbone, network: nn.Module) -> None:
        self.strength, self.backbone, self.network = strength, backbone, network
        self.seen: list[Tensor] = []  # the input of the last forward pass, then what was listened to
        self.open = ExitStack()

    def watch(self, places: list[str]) -> None:
        """Keeps of each forward pass its input, and the outputs of these modules."""
        self.open.callback(self.network.register_forward_pre_hook(self._begin).remove)
        self.open.enter_context(listen(self.network, places, lambda _name, value: self.seen.append(value)))

    def _begin(self, _network: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.seen = [inputs[0]]

    def penalty(self) -> Tensor:
        """What is added to the mean loss of a batch, a scalar."""
        return self.strength * self.value()

    @abstractmethod
    def value(self) -> Tensor:
        """The penalty of strength 1 on the batch that was just seen."""

    def finish(self) -> None:
        """Watches no more."""
        self.open.close()
        self.seen.clear()


class StartingPoint(Penalty):
    """½ ||θ - θ₀||² over the backbone's weights, and ½ ||head||² (L2-SP; Li et al. 2018, equation 4)."""

    def __init__(self, strength: float, backbone: Backbone, network: nn.Module) -> None:
        super().__init__(strength, backbone, network)
        start, own = dict(backbone.module.named_parameters()), {id(weight) for weight in head(network).parameters()}
        self.pairs = [
            (weight, None if id(weight) in own else start[name]) for name, weight in network.named_parameters()
        ]

    def value(self) -> Tensor:
        """Half the squared distance."""
        moved = [weight if start is None else weight - start for weight, start in self.pairs]
        return 0.5 * torch.stack([change.float().square().sum() for change in moved]).sum()


class Spectrum(Penalty):
    """The squared smallest singular value of a batch's embeddings (BSS; Chen et al. 2019, equation 5 with k = 1)."""

    def __init__(self, strength: float, backbone: Backbone, network: nn.Module) -> None:
        super().__init__(strength, backbone, network)
        self.watch([EMBEDDING])

    def value(self) -> Tensor:
        """The last singular value, squared."""
        values: Tensor = torch.linalg.svdvals(self.seen[-1].float())
        return values[-1].square()


class FeatureMaps(Penalty):
    """Half the squared change of each stage's last feature map (DELTA; Li et al. 2019, with channels that weigh alike).

    The change of an image is averaged over places and summed over channels. The sum over a batch of images is that of
    `BATCH`, so that it does not depend on how a batch is divided.
    """

    BATCH = 48  # images, of the recipe that its strength comes from

    def __init__(self, strength: float, backbone: Backbone, network: nn.Module) -> None:
        super().__init__(strength, backbone, network)
        self.places = ends_of_stages(network)
        self.watch(self.places)

    def value(self) -> Tensor:
        """What the maps of the batch changed by, of a frozen network's pass over it."""
        inputs, *after = self.seen
        before: list[Tensor] = []
        with torch.no_grad(), listen(self.backbone.module, self.places, lambda _name, value: before.append(value)):
            self.backbone.module(inputs)
        changes = [self._change(now.float(), then.float()) for now, then in zip(after, before, strict=True)]
        return 0.5 * self.BATCH * torch.stack(changes).sum()

    def _change(self, now: Tensor, then: Tensor) -> Tensor:
        """The mean over images of a map's squared change, summed over channels and averaged over places."""
        channels_last = now.ndim == 3 or getattr(self.network, "output_fmt", "NCHW") == "NHWC"
        places = now[0].numel() // now.shape[-1 if channels_last else 1]
        return (now - then).square().sum() / (places * len(now))


def ends_of_stages(network: nn.Module) -> list[str]:
    """Names of the residual blocks that end a stage: the last of those with one parent, or every third of a ViT's."""
    blocks = residual_blocks(network)
    parents = [name.rpartition(".")[0] for name in blocks]
    last = dict(zip(parents, blocks, strict=True))
    if len(last) == 1:
        step = max(1, len(blocks) // 4)
        return blocks[step - 1 :: step]
    return list(last.values())


def of(name: str, strength: float, backbone: Backbone, network: nn.Module) -> Penalty:
    """The penalty of this name on a network that is to be trained: l2_sp, bss or delta."""
    kinds: dict[str, type[Penalty]] = {"l2_sp": StartingPoint, "bss": Spectrum, "delta": FeatureMaps}
    return kinds[name](strength, backbone, network)

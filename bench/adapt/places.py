"""Where modules are inserted into a transformer: the two residual branches of each pre-norm block of timm's.

A block computes x + end(attn(norm1(x))) and then x + end(mlp(norm2(x))), where `end` is layer scale, if there is one,
and stochastic depth. What is inserted is a part of its block, with a name there, so its weights are in the network's
state. It works by hooks that are methods of objects: they are copied with the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Blocks whose forward pass is that of the formula; not those that normalise after a branch, as Swin V2's do.
PRE_NORM = (
    "timm.models.vision_transformer.Block",
    "timm.models.beit.Block",
    "timm.models.eva.EvaBlock",
    "timm.models.swin_transformer.SwinTransformerBlock",
)


@dataclass(frozen=True)
class Branch:
    """One residual branch of a block: x + end(inner(norm(x))), with x (batch, tokens, width) or a map of tokens."""

    block: nn.Module
    norm: nn.Module
    inner: nn.Module
    end: nn.Module

    @property
    def width(self) -> int:
        """Numbers a token."""
        weight = self.norm.weight
        assert isinstance(weight, Tensor)
        return len(weight)

    def beside(self, name: str, module: nn.Module, *, normed: bool) -> None:
        """Adds module(x), or module(norm(x)), to the branch: x + end(inner(norm(x))) + module(…)."""
        self.block.add_module(name, module)
        beside = _Beside(module)
        if normed:
            self.norm.register_forward_hook(beside.see_output)
        else:
            self.norm.register_forward_pre_hook(beside.see_input)
        self.end.register_forward_hook(beside.add)

    def before(self, name: str, module: nn.Module) -> None:
        """Puts a module between the norm and what follows: x + end(inner(module(norm(x))))."""
        self.block.add_module(name, module)
        self.norm.register_forward_hook(_Behind(module).apply)

    def behind(self, name: str, module: nn.Module) -> None:
        """Puts a module behind the branch, before the sum: x + module(end(inner(norm(x))))."""
        self.block.add_module(name, module)
        self.end.register_forward_hook(_Behind(module).apply)

    def remove(self, name: str) -> None:
        """Takes out a module that was put before what follows the norm, the only one of this branch."""
        delattr(self.block, name)
        self.norm._forward_hooks.clear()


class _Beside:
    """A module beside a branch: it sees what enters the norm or leaves it, and adds to what leaves the branch."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.seen: Tensor | None = None

    def see_input(self, _norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.seen = inputs[0]

    def see_output(self, _norm: nn.Module, _inputs: object, output: Tensor) -> None:
        self.seen = output

    def add(self, _end: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        seen, self.seen = self.seen, None
        assert seen is not None
        added: Tensor = self.module(seen)
        return output + added.reshape(output.shape)


class _Behind:
    """A module that takes what leaves another."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def apply(self, _before: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        changed: Tensor = self.module(output)
        return changed


@dataclass(frozen=True)
class TransformerBlock:
    """A block with its two branches."""

    module: nn.Module
    attention: Branch
    mlp: Branch

    @property
    def branches(self) -> tuple[Branch, Branch]:
        """The branch of attention, then that of the MLP."""
        return self.attention, self.mlp

    def behind(self, name: str, module: nn.Module) -> None:
        """Puts a module behind the whole block: module(block(x))."""
        self.module.add_module(name, module)
        self.module.register_forward_hook(_Behind(module).apply)


def transformer_blocks(network: nn.Module) -> list[TransformerBlock]:
    """The pre-norm blocks of a network of timm's, in order; none where it has others."""
    found: list[Any] = [module for module in network.modules() if _kind(module) in PRE_NORM]
    return [
        TransformerBlock(
            block,
            Branch(block, block.norm1, block.attn, block.drop_path1),
            Branch(block, block.norm2, block.mlp, block.drop_path2),
        )
        for block in found
    ]


def needs_blocks(network: nn.Module, method: str) -> str | None:
    """A refusal where a network has no pre-norm blocks; None where it has."""
    if transformer_blocks(network):
        return None
    return f"{method} needs the pre-norm blocks of a transformer, which {type(network).__name__} has not"


def needs_tokens(network: nn.Module, method: str) -> str | None:
    """A refusal where a network is no plain ViT, of equal blocks on a grid of patches; None where it is."""
    blocks: Any = getattr(network, "blocks", ())
    plain = len(blocks) > 0 and all(_kind(block) == PRE_NORM[0] for block in blocks)
    if plain and hasattr(network, "_pos_embed") and getattr(network, "rope", None) is None:
        return None
    return f"{method} needs the tokens of a plain ViT, which {type(network).__name__} has not"


@dataclass(frozen=True)
class Tokens:
    """How the tokens of a plain vision transformer lie: prefix tokens, then patches in raster order."""

    prefix: int  # class token, registers, distillation token
    rows: int
    columns: int
    blocks: Sequence[TransformerBlock]


def tokens(network: nn.Module) -> Tokens:
    """The tokens of a network that `needs_tokens` does not refuse."""
    whole: Any = network
    rows, columns = whole.patch_embed.grid_size
    return Tokens(int(whole.num_prefix_tokens), int(rows), int(columns), transformer_blocks(network))


def layers_with_bias(network: nn.Module, head: nn.Module) -> list[tuple[nn.Module, int]]:
    """Every linear layer, convolution and layer norm with a bias but the head, and the dimension of its channels."""
    found: list[tuple[nn.Module, int]] = []
    for module in network.modules():
        if module is not head and getattr(module, "bias", None) is not None:
            if isinstance(module, nn.Conv2d) or type(module).__name__ == "LayerNorm2d":
                found.append((module, 1))
            elif isinstance(module, (nn.Linear, nn.LayerNorm)):
                found.append((module, -1))
    return found


def refuses_hooks(network: nn.Module, method: str) -> str | None:
    """A refusal where a hook behind a layer would not see all that it computes; None where it would."""
    if any(isinstance(module, _BatchNorm) for module in network.modules()):
        return f"{method} is norm_tuning in a network with batch norm, such as {type(network).__name__}"
    if any(getattr(module, "q_bias", None) is not None for module in network.modules()):
        return f"{method} needs attention that calls its layers, and that of {type(network).__name__} does not"
    return None


def _kind(module: nn.Module) -> str:
    return f"{type(module).__module__}.{type(module).__name__}"

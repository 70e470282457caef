"""The small modules that adapters insert into a transformer's blocks. Each maps tokens (…, width) to as many."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.backbone.parameters import drop_path


def quick_gelu(values: Tensor) -> Tensor:
    """x · sigmoid(1.702 x), the activation of NOAH's and Convpass's modules (Hendrycks and Gimpel 2016, section 2)."""
    return values * torch.sigmoid(1.702 * values)


class Bottleneck(nn.Module):
    """scale · up(dropout(activation(down(x)))): its last layer starts at zero, so it adds nothing at first.

    `down` has torch's own initialisation, Kaiming's uniform one with a = √5, and no bias at first.
    """

    def __init__(self, width: int, hidden: int, activation: nn.Module, dropout: float, scale: float) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.activation, self.dropout, self.scale = activation, nn.Dropout(dropout), scale
        nn.init.zeros_(self.down.bias)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """What is added to the tokens' branch."""
        added: Tensor = self.scale * self.up(self.dropout(self.activation(self.down(tokens))))
        return added


class Residual(nn.Module):
    """x + inner(x)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, tokens: Tensor) -> Tensor:
        """The tokens with what the inner module adds."""
        added: Tensor = self.inner(tokens)
        return tokens + added


class ScaledBottleneck(nn.Module):
    """drop(c · up(GELU(down(x)))) with a learned scale c for each channel, as in Adapter+ (Steitz and Roth 2024).

    Weights are drawn from a normal distribution of standard deviation 0.01, cut at two of them; c starts at 1.
    """

    def __init__(self, width: int, hidden: int, drop: float) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.scale, self.drop = nn.Parameter(torch.ones(width)), drop_path(drop)
        for layer in (self.down, self.up):
            nn.init.trunc_normal_(layer.weight, std=0.01, a=-0.02, b=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """What is added to the tokens."""
        added: Tensor = self.drop(self.scale * self.up(nn.functional.gelu(self.down(tokens))))
        return added


@dataclass(frozen=True)
class Grid:
    """How the tokens of a ViT lie: some before the patches, which are in raster order."""

    prefix: int
    rows: int
    columns: int


class ConvolutionPass(nn.Module):
    """Convpass: down, a 3 × 3 convolution over the patches, up; a prefix token is an image of one pixel.

    The convolution starts as the identity, and `up` at zero (Jie and Deng 2022, section 3.2).
    """

    def __init__(self, width: int, hidden: int, grid: Grid, dropout: float, drop: float, scale: float) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.conv = nn.Conv2d(hidden, hidden, 3, padding=1)
        self.dropout, self.drop, self.grid, self.scale = nn.Dropout(dropout), drop_path(drop), grid, scale
        nn.init.xavier_uniform_(self.down.weight)
        nn.init.dirac_(self.conv.weight)
        for module in (self.down, self.conv, self.up):
            assert module.bias is not None
            nn.init.zeros_(module.bias)
        nn.init.zeros_(self.up.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        """What is added to the branch of tokens (batch, prefix + rows · columns, width)."""
        hidden = quick_gelu(self.down(tokens))
        batch, _, channels = hidden.shape
        prefix, patches = hidden.split([self.grid.prefix, hidden.shape[1] - self.grid.prefix], dim=1)
        image = patches.transpose(1, 2).reshape(batch, channels, self.grid.rows, self.grid.columns)
        patches = self.conv(image).flatten(2).transpose(1, 2)
        alone = self.conv(prefix.reshape(-1, channels, 1, 1)).reshape(prefix.shape)
        passed = self.dropout(quick_gelu(torch.cat([alone, patches], dim=1)))
        added: Tensor = self.scale * self.drop(self.up(passed))
        return added


class LinearAdapter(nn.Module):
    """RepAdapter: y + scale · up(dropout(down(y))), where `up` works in groups of channels, without an activation.

    So it folds into the linear layer behind it (Luo et al. 2023, section 3.2).
    """

    def __init__(self, width: int, hidden: int, groups: int, dropout: float, scale: float) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, hidden), nn.Conv1d(hidden, width, 1, groups=groups)
        self.dropout, self.scale = nn.Dropout(dropout), scale
        nn.init.xavier_uniform_(self.down.weight)
        assert self.up.bias is not None
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (…, width) for what comes behind."""
        hidden = self.dropout(self.down(tokens))
        added = self.up(hidden.reshape(-1, hidden.shape[-1], 1)).reshape(tokens.shape)
        changed: Tensor = tokens + self.scale * added
        return changed

    @torch.no_grad()
    def fold(self, layer: nn.Linear) -> None:
        """Lets the linear layer behind it do its work as well."""
        width = layer.in_features
        eye = torch.eye(width, device=layer.weight.device)
        shift = self.eval()(torch.zeros(1, width, device=layer.weight.device))[0]  # what it makes of zero
        matrix = self(eye) - shift  # row i: what it makes of the i-th unit vector
        layer.bias.add_(layer.weight @ shift)
        layer.weight.copy_(layer.weight @ matrix.T)


class ScaleShift(nn.Module):
    """SSF: a scale and a shift of each channel of what a layer computes (Lian et al. 2022, section 3.2)."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(1 + 0.02 * torch.randn(channels))
        self.shift = nn.Parameter(0.02 * torch.randn(channels))
        self.dim = dim  # of the channels in what the layer computes

    def apply_to(self, _layer: nn.Module, _inputs: object, output: Tensor) -> Tensor:
        """A forward hook of the layer."""
        shape = [1] * output.ndim
        shape[self.dim] = -1
        return output * self.scale.view(shape) + self.shift.view(shape)

    @torch.no_grad()
    def fold(self, layer: nn.Module) -> None:
        """Lets the layer do its work as well; it has a weight whose first dimension are its channels, and a bias."""
        weight, bias = layer.weight, layer.bias
        assert isinstance(weight, Tensor) and isinstance(bias, Tensor)
        weight.mul_(self.scale.view([-1] + [1] * (weight.ndim - 1)))
        bias.mul_(self.scale).add_(self.shift)

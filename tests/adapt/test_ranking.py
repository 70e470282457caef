"""Which features Head2Toe keeps, by every ranking, and its two relatives that train the backbone."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import torch

from bench.adapt.ranking import RANKINGS, Choice, choose
from bench.adapt.readout import ReadoutNetwork
from bench.adapt.solvers.adam import AdamRecipe, adam
from bench.adapt.solvers.examples import Examples
from bench.adapt.trained import Trained
from bench.backbone.features import Features
from bench.backbone.network import TimmBackbone, load
from bench.costs.meter import Meter
from bench.spec import BackboneSpec, Split, UserError
from methods.head2toe import Head2Toe
from methods.head2toe_all import Head2ToeAll
from methods.head2toe_ft import Head2ToeFT
from methods.head2toe_ft_plus import Head2ToeFTPlus

CPU = torch.device("cpu")
RECIPE = AdamRecipe(steps=100, lr=0.02, batch=32, group_lasso=1e-3)


def examples(read: Features, labels: torch.Tensor) -> Examples:
    return Examples(read, labels, 3, len(labels), [], Meter(CPU))


def problem() -> tuple[Features, torch.Tensor]:
    """Three layers of ten features; in the second the first three tell the class, and its others vary most."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(90) % 3
    blocks = [torch.rand(90, 10, generator=generator) + 1 for _ in range(3)]
    blocks[1][:, 3:] *= torch.rand(90, 7, generator=generator) * 3
    blocks[1][:, :3] = 4 * torch.nn.functional.one_hot(labels, 3).float()
    return Features(tuple(blocks)), labels


def kept(ranking: str, fraction: float, offset: float = 0.0, seed: int = 0) -> list[int]:
    read, labels = problem()
    torch.manual_seed(seed)
    return choose(examples(read, labels), Choice(ranking, fraction, offset), RECIPE).tolist()


def test_the_lasso_keeps_what_tells_the_classes() -> None:
    assert kept("group_lasso", 0.1) == [10, 11, 12]
    assert not {10, 11, 12} & set(kept("group_lasso", 0.3, offset=0.1))


def test_a_layer_is_kept_whole_and_the_next_in_part() -> None:
    chosen = kept("layer_wise", 0.4)
    assert set(range(10, 20)) < set(chosen)
    others = {column // 10 for column in chosen} - {1}
    assert len(others) == 1


def test_variance_looks_at_no_label() -> None:
    read, labels = problem()
    torch.manual_seed(0)
    other = examples(read, labels.flip(0) * 0)
    assert choose(other, Choice("variance", 0.2), RECIPE).tolist() == kept("variance", 0.2)
    assert other.meter.flops == 0


def test_chance_depends_on_the_seed_alone() -> None:
    assert kept("random", 0.3, seed=1) == kept("random", 0.3, seed=1) != kept("random", 0.3, seed=2)
    assert len(set(kept("random", 0.5))) == 15


def test_equal_scores_go_to_the_earlier_feature() -> None:
    same = torch.rand(90, 1, generator=torch.Generator().manual_seed(0)).expand(90, 4)
    chosen = choose(examples(Features((same, same)), torch.zeros(90).long()), Choice("variance", 0.5), RECIPE)
    assert chosen.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (Choice("group_lasso", 0.01), "keeps none of 30 features; raise it above 0.03"),
        (Choice("group_lasso", 0.6, 0.5), "both together are at most 1"),
        (Choice("variance", 0.5, -0.1), "neither is negative"),
        (Choice("importance", 0.5), "choose one of group_lasso, layer_wise, variance, random"),
    ],
)
def test_a_choice_that_cannot_be_made_is_told(choice: Choice, said: str) -> None:
    read, labels = problem()
    with pytest.raises(UserError, match=said):
        choose(examples(read, labels), choice, RECIPE)


def test_penalties_shrink_what_they_punish() -> None:
    read, labels = problem()

    def head(**penalty: float) -> torch.Tensor:
        torch.manual_seed(0)
        recipe = AdamRecipe(steps=200, lr=0.02, batch=32, **penalty)
        return adam(read.concatenated(), labels, 3, recipe, Meter(CPU)).weight

    free = head()
    assert head(l1=0.05).abs().sum() < 0.5 * free.abs().sum()
    assert head(l2=0.05).square().sum() < 0.5 * free.square().sum()
    small = head(l1=0.05).abs() < 1e-2
    assert small.sum() > 2 * (head(l2=0.05).abs() < 1e-2).sum()  # l1 alone makes zeros, as far as Adam does
    with pytest.raises(UserError, match="choose one of l1, l2, l21"):
        Head2ToeAll(penalty="l3")


class Stripes:
    """Pictures of stripes, one direction a class, and noise."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def decode(self, index: int) -> np.ndarray:
        noise = np.random.default_rng(index).integers(0, 120, (32, 32, 3))
        wave = 60 * (1 + np.sin(np.arange(32)))[:, None, None]
        return (noise + (wave if index % 2 else wave.transpose(1, 0, 2))).astype(np.uint8)


@lru_cache(maxsize=1)
def backbone() -> TimmBackbone:
    return load(BackboneSpec("demo"), CPU)


@lru_cache(maxsize=1)
def train() -> Split:
    return Split(Stripes(60), np.arange(60) % 2, 2, 20)


@pytest.mark.parametrize("ranking", RANKINGS)
def test_every_ranking_learns(ranking: str) -> None:
    torch.manual_seed(0)
    method = Head2Toe(target=64, steps=30, ranking=ranking, fraction=0.2)
    adapted = method.fit(backbone(), train(), Meter(CPU))
    images = torch.stack([torch.from_numpy(Stripes(60).decode(i)).permute(2, 0, 1) for i in range(60)])
    right = (adapted.logits(images).argmax(1).numpy() == np.arange(60) % 2).mean()
    assert right > 0.9


def test_the_backbone_is_trained_with_the_head_on_what_was_selected() -> None:
    network, images = backbone(), train()  # loading a network draws random numbers
    torch.manual_seed(0)
    tuned = Head2ToeFT(target=64, steps=10, epochs=1).fit(network, images, Meter(CPU))
    torch.manual_seed(0)
    probe = Head2Toe(target=64, steps=10).fit(network, images, Meter(CPU))
    assert isinstance(tuned, Trained)
    assert isinstance(tuned.network, ReadoutNetwork)
    chosen = {key: value for key, value in tuned.stored().items() if key in ("mask", "index")}
    assert all(torch.equal(value, probe.stored()[key]) for key, value in chosen.items())
    before, after = backbone().module.state_dict(), tuned.network.network.state_dict()
    assert sum(not torch.equal(before[key], after[key]) for key in before) > 0.9 * len(before)


# A head of one step against a network that is trained, and a trained head against one that hardly moves.
@pytest.mark.parametrize(("steps", "epochs", "lr", "trained"), [(1, 12, 3e-3, True), (30, 1, 1e-9, False)])
def test_the_better_on_validation_is_taken(steps: int, epochs: int, lr: float, trained: bool) -> None:
    network, images, meter = backbone(), train(), Meter(CPU)
    torch.manual_seed(1)
    method = Head2ToeFTPlus(target=64, steps=steps, head_lr=1e-2 if steps > 1 else 1e-9, epochs=epochs, lr=lr)
    adapted = method.fit(network, images, meter)
    kept = adapted.stored()
    assert any(name.startswith("network.") for name in kept) == trained
    assert meter.shared_flops < meter.flops


def test_a_choice_needs_validation_images() -> None:
    split = Split(Stripes(10), np.arange(10) % 2, 2)
    with pytest.raises(UserError, match="there are none"):
        Head2ToeFTPlus().fit(backbone(), split, Meter(CPU))

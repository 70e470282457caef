"""The training loop: its batches, what each training is charged, and recipes that train nothing or too much."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.adapt.train import Recipe, Rule, Training, evenly, train
from bench.costs.meter import Meter, flop_counter
from bench.images.pixels import pixels
from bench.spec import Split, UserError
from tests import toy


def test_an_epoch_has_every_image_and_no_tiny_batch() -> None:
    batches = evenly(torch.arange(101)[None], 50)
    assert torch.equal(torch.cat(batches, dim=1), torch.arange(101)[None])
    assert [batch.shape[1] for batch in batches] == [34, 34, 33]


class Thawing(torch.nn.Sequential):
    """A network whose first layer is trained from its fifth forward pass on."""

    passes = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = super().forward(images)
        self.passes += 1
        self[1].requires_grad_(self.passes >= 4)
        return scores


def test_each_training_is_charged_for_what_it_trains() -> None:
    """Four under one meter, on the same images: a head, all of the network, one that thaws, a larger one."""
    backbone, split = toy.Toy(), toy.task("toy/0").find(Path()).load().train

    def layers(width: int) -> list[torch.nn.Module]:
        hidden = [torch.nn.Linear(width, width) for _ in range(3)]
        return [torch.nn.Flatten(), torch.nn.Linear(192, width), *hidden, torch.nn.Linear(width, toy.CLASSES)]

    head, whole, thawing = torch.nn.Sequential(*layers(32)), torch.nn.Sequential(*layers(32)), Thawing(*layers(32))
    head[:-1].requires_grad_(False)
    meter, charged = Meter(backbone.device), []
    with flop_counter() as outer:
        for network in (head, whole, thawing, torch.nn.Sequential(*layers(64))):
            train(backbone, network, split, recipe(2, 7, 0.01), meter)
            charged.append(meter.flops)
    assert meter.flops == outer.get_total_flops()
    assert charged[0] < charged[1] - charged[0]


def recipe(epochs: int, batch: int, lr: float) -> Recipe:
    return Recipe(epochs, lr, batch, weight_decay=0.0, warmup=0.0)


@pytest.mark.parametrize(("epochs", "batch"), [(0, 10), (-3, 10), (3, 0)])
def test_a_recipe_that_trains_nothing_is_refused(epochs: int, batch: int) -> None:
    backbone, split = toy.Toy(), toy.task("toy/0").find(Path()).load().train
    with pytest.raises(UserError, match="train nothing; both are 1 or more"):
        train(backbone, torch.nn.Identity(), split, recipe(epochs, batch, 0.1), Meter(backbone.device))


def test_a_training_that_diverges_ends_at_once_with_a_curve_of_numbers() -> None:
    backbone, split = toy.Toy(), toy.task("toy/0").find(Path()).load().train
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 32), torch.nn.Linear(32, toy.CLASSES))
    meter = Meter(backbone.device)
    with pytest.raises(UserError, match=r"its training loss is nan in epoch . of 50; it diverged"):
        train(backbone, network, split, recipe(50, 10, 1e25), meter)
    assert all(math.isfinite(value) for _, value in meter.curves.get("loss", []))


class Seeing(torch.nn.Module):
    """A linear network that keeps the pixels it has seen."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(192, toy.CLASSES)
        self.seen: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen.append(images)
        scores: torch.Tensor = self.layer(images.flatten(1))
        return scores


class Noise:
    """Random pictures of the toy backbone's size."""

    def __len__(self) -> int:
        return 20

    def decode(self, index: int) -> np.ndarray:
        return np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def test_a_seed_draws_the_same_images_for_every_size_of_batch() -> None:
    """Order and augmentation of all epochs, on a part of the images; another seed draws others."""
    split = Split(Noise(), np.arange(20) % 4, 4, augment=frozenset({"flip", "shift"})).part(range(3, 19))

    def seen(seed: int, batch: int) -> torch.Tensor:
        network = Seeing()
        torch.manual_seed(seed)
        train(toy.Toy(), network, split, recipe(2, batch, 0.01), Meter(torch.device("cpu")))
        return torch.cat(network.seen)

    assert torch.equal(seen(0, 16), seen(0, 5)) and not torch.equal(seen(0, 16), seen(1, 16))


def test_images_and_labels_stay_together() -> None:
    """Pictures of noise have nothing in common: a network learns their classes only if each comes with its own."""
    split = Split(Noise(), np.arange(20) % 4, 4).part([*range(19, 3, -1)])
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, toy.CLASSES))
    train(toy.Toy(), network, split, recipe(60, 7, 0.001), Meter(torch.device("cpu")))
    with torch.no_grad():
        scores = network(pixels(split.images, 8).float())
    assert (scores.argmax(1).numpy() == split.labels).all()


class Bypassed(torch.nn.Module):
    """A network with a layer that its forward pass goes around."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.idle = torch.nn.Linear(192, toy.CLASSES), torch.nn.Linear(4, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.used(images.flatten(1))
        return scores


def test_a_parameter_that_gets_no_gradient_is_named() -> None:
    backbone, split = toy.Toy(), toy.task("toy/0").find(Path()).load().train
    with pytest.raises(UserError, match=r"idle\.weight \(2 such\) gets no gradient"):
        train(backbone, Bypassed(), split, recipe(1, 10, 0.1), Meter(backbone.device))


class Pull(Rule):
    """Pulls a weight to 3, and counts epochs."""

    def __init__(self, weight: torch.Tensor) -> None:
        self.weight, self.epochs = weight, 0

    def penalty(self) -> torch.Tensor:
        return 1e4 * (self.weight - 3).square().mean()

    def begin_epoch(self, training: Training) -> None:
        self.epochs += 1


def test_a_rule_adds_its_penalty_and_hears_of_epochs() -> None:
    backbone, split = toy.Toy(), toy.task("toy/0").find(Path()).load().train
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, toy.CLASSES))
    rule = Pull(network[1].bias)
    train(backbone, network, split, recipe(60, 10, 0.1), Meter(backbone.device), rule)
    assert rule.epochs == 60
    assert torch.allclose(network[1].bias, torch.full_like(network[1].bias, 3.0), atol=0.1)


def test_gradients_are_clipped_and_layers_have_rates_of_their_own() -> None:
    backbone, split = toy.Toy(), toy.task("toy/0").find(Path()).load().train
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, toy.CLASSES))
    training = Training(
        backbone, network, split, replace(recipe(1, 10, 0.1), clip=1e-3), Meter(backbone.device), Rule()
    )
    training.optimiser.param_groups[0]["lr_scale"] = 0.5
    training.step(next(iter(training.epoch())), 0.1)
    norms = torch.stack([weight.grad.norm() for weight in network.parameters() if weight.grad is not None])
    assert norms.norm().item() == pytest.approx(1e-3, rel=1e-3)
    assert [group["lr"] for group in training.optimiser.param_groups] == [0.05]


def test_a_look_is_in_eval_mode_and_leaves_the_training_as_it_was() -> None:
    backbone, split = toy.Toy(), toy.task("toy/0").find(Path()).load().train
    frozen = torch.nn.BatchNorm2d(3).eval()
    moving = torch.nn.BatchNorm1d(192)
    network = torch.nn.Sequential(frozen, torch.nn.Flatten(), moving, torch.nn.Linear(192, toy.CLASSES))
    work = Training(backbone, network, split, recipe(1, 10, 0.1), Meter(backbone.device), Rule())
    before, images = moving.running_mean.clone(), torch.randint(0, 256, (5, 3, 8, 8), dtype=torch.uint8)
    scores = work.logits(images)
    assert torch.equal(moving.running_mean, before)
    assert torch.equal(scores[:1], work.logits(images[:1])), "no image's scores depend on the others"
    assert (moving.training, frozen.training) == (True, False)

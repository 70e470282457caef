"""k nearest neighbours against a search by brute force, and how what is kept votes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.adapt.neighbours import votes
from bench.costs.meter import Meter
from bench.images.pixels import pixels
from bench.runs.evaluate import evaluate
from bench.spec import Split
from methods.knn import KNN, KS
from methods.linear_probe import LinearProbe
from tests.small import CPU, network_of, split


def embeddings(some: Split) -> np.ndarray:
    """Unit-norm embeddings of a split's images, (images, width)."""
    network = network_of("test_resnet")
    read = LinearProbe(l2=1.0).fit(network, some, Meter(CPU))  # any probe knows what it reads
    weight = torch.eye(read.width)
    images = pixels(some.images, network.image_size)
    with torch.no_grad():
        found = type(read)(network, None, None, read.width, weight, torch.zeros(read.width)).logits(images)
    made: np.ndarray = torch.nn.functional.normalize(found, dim=1).numpy()
    return made


def brute_force(known: np.ndarray, labels: np.ndarray, new: np.ndarray, k: int, classes: int) -> np.ndarray:
    """Shares of the votes (new, classes), image by image."""
    shares = np.zeros((len(new), classes))
    for row, one in enumerate(new):
        cosines = known @ one
        for near in np.argsort(-cosines)[:k]:
            shares[row, labels[near]] += np.exp(cosines[near] / 0.07)
    return shares / shares.sum(1, keepdims=True)


@pytest.mark.parametrize("k", [1, 5, 20])
def test_votes_are_those_of_brute_force(k: int) -> None:
    train = split()
    fitted, held = train.fitted(), train.held_out()
    adapted = KNN(k).fit(network_of("test_resnet"), fitted, Meter(CPU))
    found = adapted.logits(pixels(held.images, network_of("test_resnet").image_size)).exp().numpy()
    expected = brute_force(embeddings(fitted), fitted.labels, embeddings(held), k, train.classes)
    assert np.allclose(found, expected, atol=2e-3)  # features are kept in half precision


def test_k_is_chosen_on_the_held_out_images_and_told() -> None:
    train, meter = split(), Meter(CPU)
    adapted = KNN().fit(network_of("test_resnet"), train, meter)
    known, new = embeddings(train.fitted()), embeddings(train.held_out())
    labels, wanted = train.fitted().labels, train.held_out().labels
    hits = [int((brute_force(known, labels, new, k, train.classes).argmax(1) == wanted).sum()) for k in KS]
    assert adapted.k == KS[int(np.argmax(hits))]
    assert meter.curves["chosen/k"] == [(len(KS), adapted.k)]


def test_more_neighbours_than_images_are_all_images() -> None:
    similar, labels = torch.tensor([[0.9, 0.2, 0.1]]), torch.tensor([0, 1, 1])
    assert torch.equal(votes(similar, labels, 2, 20, 0.07), votes(similar, labels, 2, 3, 0.07))


def test_half_precision_features_and_labels_are_kept() -> None:
    train = split()
    kept = KNN().fit(network_of("test_resnet"), train, Meter(CPU)).stored()
    assert kept["weight"].dtype == torch.float16
    assert kept["weight"].shape == (network_of("test_resnet").module.num_features, len(train.labels))
    assert kept["labels"].tolist() == train.labels.tolist()


def test_it_shares_one_pass_with_other_probes() -> None:
    train = split()
    both = [make().fit(network_of("test_resnet"), train, Meter(CPU)) for make in (KNN, LinearProbe)]
    alone, together = Meter(CPU), Meter(CPU)
    (one,) = evaluate(network_of("test_resnet"), both[:1], {"test": train.held_out()}, alone)
    first, second = evaluate(network_of("test_resnet"), both, {"test": train.held_out()}, together)
    assert first.accuracy == one.accuracy
    assert first.accuracy["test"] > 0.5
    assert second.accuracy["test"] > 0.5
    assert together.flops < 1.1 * alone.flops

"""The group lasso by its certificates: KKT conditions, duality gaps and objectives in float64; inputs at the edge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.adapt.solvers.lasso import Block, Design, GroupLasso, Solution, unit_norm
from bench.costs import memory
from bench.costs.meter import Meter
from bench.spec import UserError

CPU = torch.device("cpu")


def problem(count: int, width: int, classes: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features as activations are: not negative, of very different sizes, alike among each other."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % classes
    centres = torch.randn(classes, width, generator=draw) * (torch.rand(width, generator=draw) < 0.2)
    shared = torch.randn(count, 5, generator=draw) @ torch.randn(5, width, generator=draw)
    noise = torch.randn(count, width, generator=draw)
    size = torch.exp(torch.randn(width, generator=draw))
    return ((0.7 * centres[labels] + 0.4 * shared + noise).clamp_min(0) * size), labels


def lasso(features: Tensor, labels: Tensor, classes: int, tolerance: float = 1e-4) -> GroupLasso:
    return GroupLasso(Design([Block(features)], CPU), labels, classes, Meter(CPU), tolerance)


def dense(solution: Solution, width: int) -> np.ndarray:
    """All rows of the weight in float64, (width, classes)."""
    weight = np.zeros((width, len(solution.bias)))
    weight[solution.rows.numpy()] = solution.weight.double().numpy()
    return weight


def losses(features: Tensor, labels: Tensor, weight: np.ndarray, bias: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean cross-entropy in float64, and the probabilities (n, classes)."""
    scores = features.double().numpy() @ weight + bias
    scores -= scores.max(1, keepdims=True)
    chance = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    return float(-np.log(chance[np.arange(len(labels)), labels.numpy()]).mean()), chance


def certify(features: Tensor, labels: Tensor, solution: Solution) -> tuple[float, float]:
    """Objective and relative gap, computed from nothing but the solution: the best dual point along its residual."""
    weight, bias = dense(solution, features.shape[1]), solution.bias.double().numpy()
    loss, chance = losses(features, labels, weight, bias)
    objective = loss + solution.strength * float(np.linalg.norm(weight, axis=1).sum())
    onehot = np.eye(len(bias))[labels.numpy()]
    residual = chance - onehot
    residual -= residual.mean(0)  # the bias is stored in float32, so that its gradient is not quite zero
    gradient = np.linalg.norm(features.double().numpy().T @ residual, axis=1) / len(labels)
    shrink = min(1.0, solution.strength / gradient.max())
    mixed = np.clip(onehot + shrink * residual, 1e-300, None)
    return objective, (objective + float((mixed * np.log(mixed)).sum(1).mean())) / objective


def slow_reference(features: Tensor, labels: Tensor, classes: int, strength: float) -> float:
    """The least objective by plain accelerated proximal gradient in float64, a step of 1 / Lipschitz constant."""
    x = features.double().numpy()
    x, onehot = x - x.mean(0), np.eye(classes)[labels.numpy()]
    x1 = np.c_[x, np.ones(len(x))]
    step = 2 * len(x) / np.linalg.norm(x1, 2) ** 2
    weight = ahead = np.zeros((x1.shape[1], classes))
    best = np.inf
    for number in range(20_000):
        scores = x1 @ ahead
        chance = np.exp(scores - scores.max(1, keepdims=True))
        chance /= chance.sum(1, keepdims=True)
        moved = ahead - step * x1.T @ (chance - onehot) / len(x)
        norm = np.linalg.norm(moved[:-1], axis=1, keepdims=True)
        moved[:-1] *= np.clip(1 - step * strength / np.maximum(norm, 1e-300), 0, None)
        ahead = moved + number / (number + 3) * (moved - weight)
        weight = moved
        if number % 1000 == 999:
            loss, _ = losses(torch.from_numpy(x), labels, weight[:-1], weight[-1])
            best = min(best, loss + strength * float(np.linalg.norm(weight[:-1], axis=1).sum()))
    return best


SHAPES = {
    "few examples": (60, 600, 5),
    "many examples": (400, 30, 4),
    "two classes": (80, 200, 2),
    "many classes": (200, 150, 40),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_every_solution_of_a_path_carries_a_gap_that_holds(shape: tuple[int, int, int]) -> None:
    features, labels = problem(*shape)
    model = lasso(features, labels, shape[2])
    kept = []
    for fraction in (0.7, 0.4, 0.2, 0.1, 0.03, 0.01):
        solution = model.solve(fraction * model.strongest)
        objective, gap = certify(features, labels, solution)
        assert solution.gap <= 1e-4
        assert gap <= 1.1e-4
        assert objective == pytest.approx(solution.objective, rel=1e-5)
        kept.append(len(solution.rows))
    assert 0 < kept[0] < kept[2] < kept[4]


@pytest.mark.parametrize("shape", [(50, 120, 4), (150, 20, 3)])
def test_the_objective_is_that_of_a_slow_reference(shape: tuple[int, int, int]) -> None:
    features, labels = problem(*shape)
    model = lasso(features, labels, shape[2], tolerance=1e-7)
    for fraction in (0.5, 0.1):
        strength = fraction * model.strongest
        assert model.solve(strength).objective == pytest.approx(
            slow_reference(features, labels, shape[2], strength), rel=3e-7
        )


def test_karush_kuhn_tucker_conditions() -> None:
    features, labels = problem(60, 300, 5)
    model = lasso(features, labels, 5, tolerance=1e-9)
    solution = model.solve(0.1 * model.strongest)
    weight = dense(solution, 300)
    _, chance = losses(features, labels, weight, solution.bias.double().numpy())
    residual = (chance - np.eye(5)[labels.numpy()]) / 60
    gradient = features.double().numpy().T @ residual
    norm = np.linalg.norm(weight, axis=1)
    kept = norm > 0
    pull = gradient[kept] + solution.strength * weight[kept] / norm[kept, None]
    assert np.linalg.norm(pull, axis=1).max() < 1e-3 * solution.strength
    assert np.linalg.norm(gradient[~kept], axis=1).max() <= solution.strength * (1 + 1e-4)
    assert np.abs(residual.sum(0)).max() < 1e-6


def test_the_same_features_are_chosen_on_every_run() -> None:
    features, labels = problem(80, 500, 6)

    def solved() -> Solution:
        model = lasso(features, labels, 6)
        return [model.solve(fraction * model.strongest) for fraction in (0.3, 0.1, 0.03)][-1]

    first, again = solved(), solved()
    assert torch.equal(first.rows, again.rows)
    assert torch.equal(first.weight, again.weight)
    assert torch.equal(first.bias, again.bias)


def test_where_a_solution_starts_does_not_matter_but_a_near_start_is_cheaper() -> None:
    features, labels = problem(100, 400, 5)
    fewer = lasso(features[:80], labels[:80], 5)
    near = [fewer.solve(fraction * fewer.strongest) for fraction in (0.3, 0.1, 0.05)][-1]
    cold, warm = lasso(features, labels, 5), lasso(features, labels, 5)
    direct = cold.solve(near.strength)
    started = warm.solve(near.strength, near)
    assert warm.meter.flops < cold.meter.flops  # type: ignore[attr-defined]
    assert started.gap <= 1e-4
    assert started.objective == pytest.approx(direct.objective, rel=1e-4)
    assert certify(features, labels, started)[1] <= 1.1e-4


def test_no_feature_is_kept_from_the_strongest_penalty_on() -> None:
    features, labels = problem(50, 40, 3)
    model = lasso(features, labels, 3)
    with pytest.raises(UserError, match=r"keeps no feature; choose one below 0\.\d+"):
        model.solve(model.strongest)
    assert len(model.solve(0.999 * model.strongest).rows) <= 1
    residual = np.eye(3)[labels.numpy()].mean(0) - np.eye(3)[labels.numpy()]
    exact = np.linalg.norm(features.double().numpy().T @ residual, axis=1).max() / 50
    assert model.strongest == pytest.approx(exact, rel=1e-5)


def test_of_duplicates_the_first_alone_is_kept() -> None:
    features, labels = problem(60, 50, 4)
    single = lasso(features, labels, 4)
    double = lasso(torch.cat([features, features.flip(1), features], dim=1), labels, 4)
    for fraction in (0.5, 0.1, 0.02):
        one, two = single.solve(fraction * single.strongest), double.solve(fraction * double.strongest)
        assert torch.equal(one.rows, two.rows)
        assert one.objective == pytest.approx(two.objective, rel=1e-4)


def test_constant_features_are_never_kept() -> None:
    features, labels = problem(60, 50, 4)
    plain = lasso(features, labels, 4)
    constants = torch.tensor([0.0, 1.0, -3.0, 1e6, 1e-6]).expand(60, 5)
    model = lasso(torch.cat([constants, features], dim=1), labels, 4)
    assert model.strongest == pytest.approx(plain.strongest, rel=1e-5)
    solution = model.solve(0.05 * model.strongest)
    assert solution.rows.min() >= 5
    assert solution.objective == pytest.approx(plain.solve(0.05 * plain.strongest).objective, rel=1e-4)


def test_features_far_from_zero_are_solved_like_centred_ones() -> None:
    features, labels = problem(60, 50, 4)
    far = (features.double() + 300).float()
    model, centred = lasso(far, labels, 4), lasso((far.double() - 300).float(), labels, 4)
    one, other = (each.solve(0.1 * each.strongest) for each in (model, centred))
    assert one.gap <= 1e-4
    assert one.objective == pytest.approx(other.objective, rel=1e-3)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_scaling_all_features_scales_the_penalty(scale: float) -> None:
    features, labels = problem(60, 200, 4)
    model, scaled = lasso(features, labels, 4), lasso(features * scale, labels, 4)
    assert scaled.strongest == pytest.approx(scale * model.strongest, rel=1e-4)
    one, other = (each.solve(0.1 * each.strongest) for each in (model, scaled))
    assert other.objective == pytest.approx(one.objective, rel=2e-4)
    assert certify(features * scale, labels, other)[1] <= 1.1e-4


def test_features_of_very_different_sizes_are_certified_together() -> None:
    features, labels = problem(60, 200, 4)
    mixed = features * torch.tensor([1e-6, 1.0, 1e6, 10.0]).repeat(50)
    model = lasso(mixed, labels, 4)
    for fraction in (0.3, 1e-2, 1e-4):
        assert certify(mixed, labels, model.solve(fraction * model.strongest))[1] <= 1.1e-4


def test_a_class_without_examples_is_never_chosen() -> None:
    features, labels = problem(60, 100, 3)
    without = torch.tensor([0, 2, 4])[labels]
    model, plain = lasso(features, without, 6), lasso(features, labels, 3)
    solution, same = (each.solve(0.1 * each.strongest) for each in (model, plain))
    assert solution.weight.shape[1] == 6
    assert not solution.weight[:, [1, 3, 5]].any()
    assert set((features[:, solution.rows] @ solution.weight + solution.bias).argmax(1).tolist()) <= {0, 2, 4}
    assert solution.objective == pytest.approx(same.objective, rel=1e-5)
    assert certify(features, without, solution)[0] == pytest.approx(solution.objective, rel=1e-5)


def test_labels_that_separate_perfectly_are_solved_too() -> None:
    features = torch.cat(
        [torch.eye(3).repeat(10, 1), torch.rand(30, 20, generator=torch.Generator().manual_seed(0))], 1
    )
    labels = torch.arange(3).repeat(10)
    model = lasso(features, labels, 3)
    solution = model.solve(1e-4 * model.strongest)
    assert certify(features, labels, solution)[1] <= 1.2e-4
    assert set(solution.rows.tolist()) >= {0, 1}


def test_one_class_alone_is_refused() -> None:
    features, _ = problem(20, 10, 2)
    with pytest.raises(UserError, match="no feature differs between the classes"):
        lasso(features, torch.zeros(20, dtype=torch.int64), 3)


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -torch.inf])
def test_features_that_are_not_finite_are_refused_by_tap(wrong: float) -> None:
    features, labels = problem(20, 10, 2)
    broken = features.clone()
    broken[3, 4] = wrong
    design = Design([Block(features, name="layer1"), Block(broken, name="layer2")], CPU)
    with pytest.raises(UserError, match="of the tap layer2 are not finite"):
        GroupLasso(design, labels, 2, Meter(CPU))


def test_blocks_in_half_precision_on_disk_are_what_they_are_in_memory(tmp_path: Path) -> None:
    features, labels = problem(60, 300, 4)
    halves = features.half()
    factor = 1 / halves[:, 100:].float().norm(dim=1)
    stored = np.memmap(tmp_path / "block", dtype=np.float16, mode="w+", shape=(60, 200))
    stored[:] = halves[:, 100:].numpy()
    blocks = [Block(halves[:, :100]), Block(stored, factor)]
    plain = torch.cat([halves[:, :100].float(), halves[:, 100:].float() * factor[:, None]], dim=1)
    model, memory = GroupLasso(Design(blocks, CPU), labels, 4, Meter(CPU)), lasso(plain, labels, 4)
    one, other = (each.solve(0.1 * each.strongest) for each in (model, memory))
    assert torch.equal(one.rows, other.rows)
    assert certify(plain, labels, one)[1] <= 1.1e-4


def test_the_meter_sees_every_product() -> None:
    features, labels = problem(60, 500, 4)
    meter = Meter(CPU)
    model = GroupLasso(Design([Block(features)], CPU), labels, 4, meter)
    one_pass = 2 * 4 * 60 * 500
    begun = meter.flops
    assert begun >= one_pass
    model.solve(0.5 * model.strongest)
    assert meter.flops >= begun + one_pass


def test_features_near_a_solution_are_its_rows_and_the_nearest_others() -> None:
    features, labels = problem(60, 500, 4)
    model = lasso(features, labels, 4)
    solution = model.solve(0.1 * model.strongest)
    few, some, most = (model.near(count) for count in (1, 30, 200))
    assert set(few.tolist()) == set(solution.rows.tolist())
    assert set(few.tolist()) <= set(some.tolist()) <= set(most.tolist())
    assert len(few) < len(some) == 30 < len(most) == 200
    _, chance = losses(features, labels, dense(solution, 500), solution.bias.double().numpy())
    gradient = np.linalg.norm(features.double().numpy().T @ (chance - np.eye(4)[labels.numpy()]), axis=1) / 60
    outside = np.setdiff1d(np.arange(500), some.numpy())
    assert gradient[outside].max() <= gradient[some.numpy()].min() * (1 + 1e-3)


def test_a_rough_solution_only_starts_others() -> None:
    features, labels = problem(60, 500, 4)
    model = lasso(features, labels, 4)
    rough = model.solve(0.4 * model.strongest, rough=0.1)
    warm = model.solve(0.1 * model.strongest)
    assert rough.gap <= 0.1
    assert warm.gap <= 1e-4
    cold = lasso(features, labels, 4).solve(warm.strength)
    assert warm.objective == pytest.approx(cold.objective, rel=1e-4)


def test_what_does_not_fit_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = problem(60, 200, 3)
    blocks = features.half().split([50, 150], dim=1)
    fits = unit_norm(blocks, CPU)
    meminfo = tmp_path / "meminfo"
    meminfo.write_text(f"MemAvailable: {2 * 4 * features.numel() // 1024 - 1} kB\n")
    monkeypatch.setattr(memory, "MEMINFO", meminfo)
    streamed = unit_norm(blocks, CPU)
    assert {block.values.dtype for block in fits.blocks} == {torch.float32}
    assert [block.values for block in streamed.blocks] == list(blocks)
    solutions = [GroupLasso(design, labels, 3, Meter(CPU)).solve(0.02) for design in (fits, streamed)]
    assert torch.equal(solutions[0].rows, solutions[1].rows)
    assert torch.allclose(solutions[0].weight, solutions[1].weight, atol=1e-5)

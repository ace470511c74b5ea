"""The probe and its learning curve on made-up features, where the right answer is known."""

from math import inf

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from fbn.compound import DEFAULT_TEMPERATURE
from fbn.fewshot.curve import curve, measured_rows, out_of_fold, sample_shots
from fbn.fewshot.probe import DEFAULT_STRENGTH, MIN_PICTURES, balanced_weights, cross_entropies, probe, stratified_folds

CLASSES, WIDTH = 4, 12
MEANS = np.random.default_rng(0).normal(size=(CLASSES, WIDTH))


def faces(count: int, seed: int = 1, signal: float = 1.0, prior: float = 0.5) -> tuple[torch.Tensor, ...]:
    """Features, totals that know a little, labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    features = signal * MEANS[labels] + rng.normal(size=(count, WIDTH)) + 3
    total = rng.normal(size=(count, CLASSES)) * 0.4
    total[np.arange(count), labels] += prior
    return torch.from_numpy(features), torch.from_numpy(total), torch.from_numpy(labels)


def right(logits: torch.Tensor, labels: torch.Tensor) -> float:
    return float((logits.argmax(-1) == labels).double().mean())


def test_no_pictures_is_zero_shot() -> None:
    features, total, labels = faces(40)
    for found in (probe(features[:0], total[:0], labels[:0]), probe(features, total, labels, strength=inf)):
        assert found.strength == inf
        assert torch.equal(found.logits(features, total), total / DEFAULT_TEMPERATURE)


def test_a_strong_penalty_leaves_zero_shot() -> None:
    features, total, labels = faces(40)
    found = probe(features, total, labels, strength=1e9, temperature=0.2)
    assert torch.allclose(found.logits(features, total), total / 0.2, atol=1e-5)


def test_it_is_penalised_multinomial_logistic_regression() -> None:
    features, _, labels = faces(60)
    found = probe(features, torch.zeros(60, CLASSES).double(), labels, strength=0.5, temperature=1.0)
    x, y = features.numpy(), labels.numpy()
    variance = (60 * x.var(0) + 10 * x.var(0).mean()) / 70
    z = np.column_stack([(x - x.mean(0)) / np.sqrt(variance * WIDTH), np.ones(60)])
    other = LogisticRegression(C=1 / 0.5, fit_intercept=False, tol=1e-10, max_iter=5000).fit(z, y)
    expected = z @ other.coef_.T
    logits = found.logits(features, torch.zeros(60, CLASSES)).numpy()
    np.testing.assert_allclose(logits - logits.mean(1, keepdims=True), expected, atol=2e-3)


def test_every_class_has_the_same_say() -> None:
    labels = np.repeat([0, 1, 2], [5, 50, 200])
    weight = balanced_weights(labels)
    assert [weight[labels == c].sum() for c in range(3)] == pytest.approx([85] * 3)
    # a class with a tenth of the pictures is not drowned
    features, total, labels = faces(400, signal=0.7)
    rows = torch.cat([torch.nonzero(labels == c).flatten()[: 50 if c else 5] for c in range(CLASSES)])
    found = probe(features[rows], total[rows] * 0, labels[rows], strength=1.0)
    own = faces(400, seed=9, signal=0.7)
    said = found.logits(own[0], own[1] * 0).argmax(1)
    assert (said == 0).double().mean() > 0.15


def test_a_class_without_pictures_keeps_its_score() -> None:
    features, total, labels = faces(60)
    rows = labels != 2
    found = probe(features[rows], total[rows], labels[rows])
    assert found.weight[2].abs().max() == 0
    assert found.bias[2] == 0
    assert found.weight[1].abs().max() > 0


def test_it_learns_and_where_nothing_can_be_learned_stays() -> None:
    features, total, labels = faces(80)
    test = faces(800, seed=2)
    assert right(probe(features, total, labels).logits(*test[:2]), test[2]) > right(test[1], test[2]) + 0.2
    features, total, labels = faces(80, signal=0.0)
    test = faces(800, seed=2, signal=0.0)
    assert right(probe(features, total, labels).logits(*test[:2]), test[2]) > right(test[1], test[2]) - 0.03


def test_the_temperature_follows_how_far_zero_shot_can_be_trusted() -> None:
    trusted, doubtful = (probe(*faces(200, signal=0.0, prior=prior), strength=inf) for prior in (2.0, 0.02))
    assert trusted.temperature == doubtful.temperature == DEFAULT_TEMPERATURE
    trusted, doubtful = (probe(*faces(200, signal=0.0, prior=prior)) for prior in (2.0, 0.02))
    assert trusted.temperature < doubtful.temperature / 3


def test_the_same_pictures_give_the_same_probe() -> None:
    one, other = (probe(*faces(100), seed=3) for _ in range(2))
    assert torch.equal(one.weight, other.weight)
    assert (one.strength, one.temperature) == (other.strength, other.temperature)


def test_few_pictures_choose_nothing() -> None:
    features, total, labels = faces(CLASSES * (MIN_PICTURES - 1))
    assert probe(features, total, labels).strength == DEFAULT_STRENGTH


def test_folds_spread_classes_and_keep_groups() -> None:
    labels = np.repeat([0, 1, 2, 3], [20, 7, 2, 1])
    groups = np.arange(30)
    groups[:4] = 0
    fold = stratified_folds(labels, 5, 0, groups.tolist())
    assert len(set(fold[:4])) == 1
    assert fold[-1] == -1
    assert set(fold[:29]) == set(range(5))
    counts = np.bincount(fold[20:27], minlength=5)
    assert counts.max() - counts.min() <= 1
    assert (stratified_folds(labels, 5, 0, groups.tolist()) == fold).all()
    assert (stratified_folds(labels, 5, 1, groups.tolist()) != fold).any()
    # one group is all there is of a class
    assert (stratified_folds(np.zeros(4, int), 2, 0, [1, 1, 1, 1]) == -1).all()


def test_more_shots_hold_the_fewer() -> None:
    labels = np.arange(40) % CLASSES
    rows = np.arange(40)[labels != 3]
    two, five = (set(sample_shots(labels, rows, k, (0, 1)).tolist()) for k in (2, 5))
    assert two < five
    assert np.bincount(labels[list(two)], minlength=4).tolist() == [2, 2, 2, 0]
    assert sample_shots(labels, rows, 0, (0, 1)).size == 0
    assert (sample_shots(labels, rows, None, (0, 1)) == rows).all()
    assert set(sample_shots(labels, rows, 2, (0, 2)).tolist()) != two


def test_out_of_fold_never_learns_from_what_it_scores() -> None:
    labels = np.array([0, 1] * 6 + [2])
    seen = []

    def learn(rows: np.ndarray, out: np.ndarray) -> np.ndarray:
        seen.append((set(rows.tolist()), set(out.tolist())))
        return np.zeros((len(out), 3))

    scores = out_of_fold(learn, labels, 3, 0, None, (0, 0), None)
    assert all(not rows & out for rows, out in seen)
    # the only picture of its class is always learned from and never scored
    assert all(12 in rows for rows, _ in seen)
    assert np.isnan(scores[12]).all()
    assert not np.isnan(scores[:12]).any()
    assert measured_rows(labels, None, 3, 0).tolist() == list(range(12))


@pytest.mark.parametrize("parted", [False, True])
def test_the_curve_begins_at_zero_shot_and_rises(parted: bool) -> None:
    features, total, labels = faces(120)
    test = np.arange(120) >= 60 if parted else None
    points = curve(features, total, labels, test=test, shots=(1, 5, 400, None), draws=2, folds=3)
    assert [point.shots for point in points] == [0, 1, 5, None]
    rows = slice(60, None) if parted else slice(None)
    recall = [right(total[rows][labels[rows] == c], labels[rows][labels[rows] == c]) for c in range(CLASSES)]
    assert points[0].value == pytest.approx(np.mean(recall), abs=1e-12)
    assert (points[0].difference, points[0].difference_low, points[0].difference_high) == (0, 0, 0)
    assert [len(point.draws) for point in points] == [1, 2, 2, 1]
    assert points[-1].value > points[0].value + 0.2
    for point in points:
        assert point.low <= point.value <= point.high
        assert point.difference == pytest.approx(point.value - points[0].value, abs=1e-12)
    assert points[-1].difference_low > 0


def test_losses_are_cross_entropy() -> None:
    logits = torch.randn(5, 3).double()
    labels = torch.tensor([0, 1, 2, 1, 0])
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    np.testing.assert_allclose(cross_entropies(logits.numpy(), labels.numpy()), expected.numpy(), atol=1e-12)

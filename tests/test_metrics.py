"""Metrics against scikit-learn and SciPy, by hand, and without labels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk
from torchmetrics.functional import classification as tm

from fbn import metrics
from fbn.losses import concordance_loss
from fbn.records import Annotations, Predictions

seeds = given(seed=st.integers(0, 10**6))
quick = settings(max_examples=10)


def _classes(seed: int, n: int = 60, classes: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores [N, C], classes [N] and weights [N] of which a third are 0."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, classes)), rng.integers(classes, size=n), rng.choice([0, 0.5, 1.0], size=n)


def _units(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities with ties, binary targets and weights, [N, 17]."""
    rng = np.random.default_rng(seed)
    return rng.random((n, 17)).round(1), rng.integers(2, size=(n, 17)), rng.choice([0, 1.0], size=(n, 17))


@quick
@seeds
def test_classification_against_scikit_learn(seed: int) -> None:
    scores, y, w = _classes(seed)
    p, kept = scores.argmax(-1), w > 0
    matrix = metrics.confusion(scores, y, w)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(y[kept], p[kept], labels=range(7)))
    assert metrics.accuracy(matrix) == pytest.approx(sk.accuracy_score(y[kept], p[kept]), rel=1e-12)
    assert metrics.mean_diagonal(matrix) == pytest.approx(sk.balanced_accuracy_score(y[kept], p[kept]), rel=1e-12)
    seen = sorted({*y[kept], *p[kept]})
    assert metrics.macro_f1(matrix) == pytest.approx(sk.f1_score(y[kept], p[kept], labels=seen, average="macro"))
    assert metrics.weighted_f1(matrix) == pytest.approx(sk.f1_score(y[kept], p[kept], average="weighted"))


@quick
@seeds
def test_macro_f1_and_roc_area_against_torchmetrics(seed: int) -> None:
    scores, y, _ = _classes(seed, n=200)
    theirs = tm.multiclass_f1_score(torch.tensor(scores), torch.tensor(y), 7, average="macro")
    assert metrics.macro_f1(metrics.confusion(scores, y)) == pytest.approx(theirs.item(), abs=1e-6)
    p, active, _ = _units(seed)
    areas = tm.multilabel_auroc(torch.tensor(p), torch.tensor(active), 17, average="none")
    np.testing.assert_allclose(metrics.au_auc(p, active), areas.numpy(), atol=1e-6)


def test_uar_is_the_mean_diagonal() -> None:
    matrix = np.array([[3.0, 1], [2, 2]])
    assert metrics.uar(matrix) == metrics.mean_diagonal(matrix) == pytest.approx((0.75 + 0.5) / 2)
    np.testing.assert_allclose(metrics.recalls(matrix), [0.75, 0.5])


def test_a_class_without_images_has_no_recall() -> None:
    matrix = metrics.confusion([0, 1, 2], [0, 1, 1], classes=3)
    assert np.isnan(metrics.recalls(matrix)[2])
    assert metrics.mean_diagonal(matrix) == pytest.approx(0.75)
    assert metrics.f1_scores(matrix)[2] == 0  # predicted though never true


def test_confusion_rows_are_true_classes() -> None:
    assert metrics.confusion([2], [0], classes=3)[0, 2] == 1


def test_targets_may_be_distributions() -> None:
    votes = torch.tensor([[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
    logits = torch.tensor([[0.0, 4, 1], [0, 4, 1]], requires_grad=True)
    assert metrics.accuracy(metrics.confusion(logits, votes, classes=3)) == 0.5


@settings(max_examples=3)
@seeds
def test_aus_against_scikit_learn(seed: int) -> None:
    p, y, w = _units(seed)
    f1, right, area = metrics.au_f1(p, y, w), metrics.au_accuracy(p, y, w), metrics.au_auc(p, y, w)
    for a in range(17):
        kept = w[:, a] > 0
        truth, said = y[kept, a], p[kept, a] >= 0.5
        assert f1[a] == pytest.approx(sk.f1_score(truth, said), rel=1e-12)
        assert right[a] == pytest.approx(sk.accuracy_score(truth, said), rel=1e-12)
        assert area[a] == pytest.approx(sk.roc_auc_score(truth, p[kept, a]), rel=1e-12)
    assert metrics.afa(p, y, w) == pytest.approx((np.nanmean(f1) + np.nanmean(right)) / 2)


def test_au_threshold_is_active_from_0_5_on() -> None:
    assert metrics.au_f1([[0.5], [0.49]], [[1], [0]])[0] == 1
    assert metrics.au_f1([[0.5], [0.49]], [[1], [0]], threshold=0.4)[0] == pytest.approx(2 / 3)


def test_aus_with_too_few_positives_are_left_out() -> None:
    y = np.zeros((10, 3))
    y[:4, 0] = y[:5, 1] = 1
    p = y * 0.8 + 0.1
    np.testing.assert_array_equal(metrics.au_f1(p, y, min_positives=5), [np.nan, 1, np.nan])
    np.testing.assert_array_equal(metrics.au_auc(p, y, min_positives=5), [np.nan, 1, np.nan])
    # accuracy is averaged over the same AUs as F1
    assert metrics.afa(p, y) == 1


def test_auc_needs_both_states_and_halves_ties() -> None:
    assert np.isnan(metrics.au_auc([[0.2], [0.4]], [[1], [1]])[0])
    assert metrics.au_auc([[0.3], [0.3], [0.3]], [[1], [0], [0]])[0] == 0.5


@quick
@seeds
def test_ccc_against_its_definition_by_correlation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.normal(size=(2, 30, 2))
    scores = metrics.ccc(p, y)
    for d in range(2):
        a, b = p[:, d], y[:, d]
        r = stats.pearsonr(a, b).statistic
        expected = 2 * r * a.std() * b.std() / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)
        assert scores[d] == pytest.approx(expected, rel=1e-10)
        assert abs(scores[d]) <= abs(r) + 1e-12


def test_ccc_identity_and_constants() -> None:
    y = np.linspace(-1, 1, 9)
    assert metrics.ccc(y, y) == pytest.approx(1)
    assert metrics.ccc(-y, y) == pytest.approx(-1)
    assert metrics.ccc(np.zeros(9), y) == 0
    assert np.isnan(metrics.ccc(np.ones(3), np.ones(3)))


def test_the_loss_and_the_metric_share_one_convention() -> None:
    g = torch.Generator().manual_seed(0)
    p, y = torch.rand(2, 12, 2, generator=g, dtype=torch.float64)
    known = Annotations.empty(12).to(torch.float64)
    known.valence_arousal.copy_(y)
    known.valence_arousal_weight[:9] = 1
    loss = concordance_loss(Predictions.of(valence_arousal=p), known)
    score = metrics.ccc(p, y, known.valence_arousal_weight)
    assert 1 - loss.item() == pytest.approx(score.mean(), rel=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.3])
def test_labels_of_weight_0_have_no_influence(value: float) -> None:
    rng = np.random.default_rng(0)
    p, y, w = _units(0)
    y = np.where(w > 0, y, value)
    clean = np.where(w > 0, y, 0)
    for metric in (metrics.au_f1, metrics.au_accuracy, metrics.au_auc):
        np.testing.assert_array_equal(metric(p, y, w), metric(p, clean, w))
    a, b, keep = rng.random((20, 2)), rng.random((20, 2)), rng.integers(2, size=20)
    b[keep == 0] = value
    np.testing.assert_array_equal(metrics.ccc(a, b, keep), metrics.ccc(a[keep > 0], b[keep > 0]))
    votes = rng.random((20, 7))
    votes[keep == 0] = value
    scores = rng.random((20, 7))
    np.testing.assert_array_equal(
        metrics.confusion(scores, votes, keep), metrics.confusion(scores[keep > 0], votes[keep > 0])
    )


def test_nothing_annotated_is_nan() -> None:
    matrix = metrics.confusion(np.zeros((4, 7)), np.zeros(4), np.zeros(4))
    for metric in (metrics.accuracy, metrics.mean_diagonal, metrics.macro_f1, metrics.weighted_f1):
        assert np.isnan(metric(matrix))
    none = np.zeros((4, 17))
    assert np.isnan(metrics.au_f1(none, none, none)).all()
    assert np.isnan(metrics.afa(none, none, none))
    assert np.isnan(metrics.ccc(np.zeros((4, 2)), np.zeros((4, 2)), np.zeros(4))).all()


@settings(max_examples=3)
@seeds
def test_classification_of_compounds_against_scikit_learn(seed: int) -> None:
    scores, y, _ = _classes(seed, n=120, classes=11)
    y[y == 4] = 5  # a class without pictures, which some are put in
    p, present = scores.argmax(-1), np.unique(y)
    found = metrics.classification(scores, y, 11, rounds=50)
    assert found.left_out == tuple(sorted(set(range(11)) - set(present)))
    assert 4 in found.left_out
    np.testing.assert_array_equal(found.matrix, sk.confusion_matrix(y, p, labels=range(11)))
    values = (found.mean_diagonal.value, found.uar.value, found.macro_f1.value, found.accuracy.value)
    assert values == pytest.approx(
        (
            sk.recall_score(y, p, labels=present, average="macro"),
            sk.recall_score(y, p, labels=present, average="macro"),
            sk.f1_score(y, p, labels=present, average="macro"),
            sk.accuracy_score(y, p),
        ),
        rel=1e-12,
    )
    for interval in (found.mean_diagonal, found.macro_f1, found.accuracy):
        assert interval.low < interval.value < interval.high


def test_intervals_of_a_classification_are_those_of_its_draws() -> None:
    _, y, _ = _classes(1, n=80, classes=4)
    p = np.where(np.arange(80) % 3, y, 0)
    found = metrics.classification(p, y, 4, rounds=200, seed=7)
    rng = np.random.default_rng(7)
    draws = [rng.integers(80, size=80) for _ in range(200)]
    recall = [sk.recall_score(y[rows], p[rows], average="macro") for rows in draws]
    f1 = [sk.f1_score(y[rows], p[rows], average="macro") for rows in draws]
    np.testing.assert_allclose((found.uar.low, found.uar.high), np.quantile(recall, [0.025, 0.975]), rtol=1e-12)
    np.testing.assert_allclose((found.macro_f1.low, found.macro_f1.high), np.quantile(f1, [0.025, 0.975]), rtol=1e-12)


def test_a_classification_of_few_people_has_wide_intervals() -> None:
    rng = np.random.default_rng(0)
    people = np.repeat(np.arange(12), 20)
    y = rng.integers(3, size=240)
    p = np.where(rng.random(12)[people] < 0.6, y, (y + 1) % 3)  # a person is right throughout, or wrong
    alone, whole = (metrics.classification(p, y, 3, groups, rounds=300) for groups in (None, people))
    assert alone.accuracy.value == whole.accuracy.value
    assert whole.accuracy.high - whole.accuracy.low > 2 * (alone.accuracy.high - alone.accuracy.low)


def test_a_classification_of_nothing_is_nan() -> None:
    found = metrics.classification([], [], 3, rounds=5)
    assert found.left_out == (0, 1, 2)
    assert np.isnan([found.uar.value, found.uar.low, found.macro_f1.value, found.accuracy.value]).all()


def test_bootstrap_interval_of_a_mean() -> None:
    x = np.random.default_rng(0).normal(size=400)
    interval = metrics.bootstrap(lambda rows: x[rows].mean(), 400, rounds=2000)
    assert interval.value == pytest.approx(x.mean())
    half = 1.96 * x.std() / 20
    assert interval.low == pytest.approx(x.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(x.mean() + half, abs=0.1 * half)
    assert interval == metrics.bootstrap(lambda rows: x[rows].mean(), 400, rounds=2000)


def test_bootstrap_draws_whole_groups() -> None:
    groups = ["b", "a", "a", "c", "b", "b"]
    sizes = {"a": [1, 2], "b": [0, 4, 5], "c": [3]}
    seen: list[list[int]] = []
    metrics.bootstrap(lambda rows: float(seen.append(sorted(rows)) or 0), 6, groups, rounds=50)
    for rows in seen:
        for members in sizes.values():
            assert len({rows.count(row) for row in members}) == 1


def test_independent_looking_rows_of_few_subjects_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(10), 50)
    x = rng.normal(size=10)[subjects] + 0.1 * rng.normal(size=500)
    rows, whole = (metrics.bootstrap(lambda r: x[r].mean(), 500, g) for g in (None, subjects))
    assert whole.high - whole.low > 3 * (rows.high - rows.low)

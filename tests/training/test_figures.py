"""Figures: the right rows, the right numbers, and what knows nothing scores chance."""

import numpy as np
import pytest
import torch

from fbn.records import Annotations, Predictions, Sample
from fbn.training.figures import SCORED, chance, figures, score, scored_rows


def frame(sequence: str, number: int, *active: int, dataset: str = "ckplus") -> Sample:
    """A CK+ frame."""
    labels = Annotations.of(action_units={unit: float(unit in active) for unit in (1, 2, 12)})
    subject = sequence.split("/")[0]
    return Sample(dataset, "", f"cohn-kanade-images/{sequence}/{number:08d}.png", labels, subject=subject)


def test_ckplus_rows_are_each_sequences_onset_and_peak() -> None:
    samples = [
        frame("S001/001", 9, 12),
        frame("S001/001", 1),
        frame("S001/001", 10, 12),
        frame("S001/001", 11, 12),
        frame("S001/002", 5, 1, 2),
        frame("S001/002", 6, 1, 2),
        frame("S002/001", 1),
        frame("x", 1, 1, dataset="ferplus"),
    ]
    assert scored_rows(samples).tolist() == [1, 3, 5, 6, 7]


def rows() -> tuple[Predictions, Annotations]:
    """Eight rows: expressions half right, VA scaled by half, AU12 perfect, AU1 inverted, AU2 too rare."""
    labels = Annotations.empty(8)
    labels.expression[range(8), [0, 0, 0, 0, 1, 1, 2, 2]] = 1
    labels.expression_weight.fill_(1)
    labels.expression_weight[7] = 0
    labels.valence_arousal.copy_(torch.linspace(-1, 1, 8)[:, None].expand(8, 2))
    labels.valence_arousal_weight.fill_(1)
    labels.action_units_weight[:, [0, 1, 8]] = 1
    labels.action_units[4:, 8] = 1
    labels.action_units[:4, 0] = 1
    labels.action_units[0, 1] = 1
    guess = torch.zeros(8, 7)
    guess[range(8), [0, 0, 0, 1, 1, 0, 2, 0]] = 1
    logits = torch.full((8, 17), -1.0)
    logits[4:, [0, 8]] = 1
    return Predictions.of(guess, logits, labels.valence_arousal * 0.5), labels


def test_values_by_hand() -> None:
    predictions, labels = rows()
    every = np.arange(8)
    found = {name: figure(every) for name, figure in figures(predictions, labels, positives=3).items()}
    assert found["accuracy"] == pytest.approx(5 / 7)
    assert found["mean_diagonal"] == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert found["ccc_valence"] == pytest.approx(2 * 0.5 / (1 + 0.25))
    assert found["f1"] == pytest.approx(0.5)
    assert found["auc"] == pytest.approx(0.5)
    alone = figures(predictions, labels, positives=3)["accuracy"](np.array([0, 3, 3]))
    assert alone == pytest.approx(1 / 3)


def test_what_a_network_lacks_is_left_out() -> None:
    predictions, labels = rows()
    only = Predictions.of(expression=predictions.expression_logits)
    assert set(figures(only, labels)) == {"accuracy", "mean_diagonal"}
    assert figures(predictions, Annotations.empty(8)) == {}


def test_chance() -> None:
    _, labels = rows()
    found = chance(labels, positives=3)
    assert found["accuracy"] == pytest.approx(4 / 7)
    assert found["mean_diagonal"] == pytest.approx(1 / 3)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["auc"] == pytest.approx(0.5)
    assert found["ccc_valence"] == pytest.approx(0)


def test_the_score_is_the_mean_of_what_is_scored() -> None:
    assert score({SCORED[0]: 0.5, SCORED[2]: 0.7, "ckplus/accuracy": 0.0, SCORED[3]: float("nan")}) == pytest.approx(
        0.6
    )
    assert score({}) == 0

"""Annotations, predictions and batches keep their parts together."""

import pytest
import torch

from fbn.records import Annotations, Predictions, TaskBatch
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX


def _batch(n: int) -> TaskBatch:
    labels = [Annotations.of(action_units={12: 1.0}, valence_arousal=(i / 10, 0.0)) for i in range(n)]
    return TaskBatch(torch.arange(n).float().reshape(n, 1, 1, 1), Annotations.stack(labels), torch.arange(n))


def test_empty_annotates_nothing() -> None:
    labels = Annotations.empty(3, 2)
    assert labels.expression.shape == (3, 2, 7)
    assert labels.action_units.shape == labels.action_units_weight.shape == (3, 2, 17)
    assert labels.valence_arousal.shape == (3, 2, 2)
    weights = (labels.expression_weight, labels.action_units_weight, labels.valence_arousal_weight)
    assert all(w.sum() == 0 for w in weights)


def test_of_places_values_by_name() -> None:
    labels = Annotations.of("fear", {6: 1, 25: 0.5, 11: 1}, (-0.2, 0.4))
    assert labels.expression[EXPRESSION_INDEX["fear"]] == labels.expression.sum() == 1
    assert labels.action_units[AU_INDEX[25]] == 0.5
    assert labels.action_units_weight.sum() == 2  # AU11 is skipped
    assert labels.valence_arousal.tolist() == pytest.approx([-0.2, 0.4])


def test_votes_are_normalised() -> None:
    labels = Annotations.of({"neutral": 6, "sadness": 2})
    assert labels.expression[EXPRESSION_INDEX["sadness"]] == 0.25
    assert labels.expression.sum() == 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"expression": "joy"}, "joy"),
        ({"expression": {"fear": 0.0}}, "positive sum"),
        ({"expression": {"fear": 2.0, "anger": -1.0}}, "non-negative"),
        ({"expression": {"fear": float("nan"), "anger": 1.0}}, "non-negative"),
        ({"action_units": {3: 1.0}}, "AU3"),
        ({"action_units": {12: 1.5}}, "AU12"),
        ({"action_units": {12: float("nan")}}, "AU12"),
        ({"valence_arousal": (0.0, -1.2)}, "-1.2"),
    ],
)
def test_of_names_what_is_wrong(wrong: dict, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Annotations.of(**wrong)


def test_a_batch_is_indexed_with_its_labels() -> None:
    part = _batch(5)[torch.tensor([3, 1])]
    assert part.images.flatten().tolist() == [3, 1]
    assert part.dataset.tolist() == [3, 1]
    assert part.annotations.valence_arousal[:, 0].tolist() == pytest.approx([0.3, 0.1])


def test_batches_are_joined_with_their_labels() -> None:
    joined = TaskBatch.concatenate([_batch(2), _batch(3)])
    assert joined.images.flatten().tolist() == [0, 1, 0, 1, 2]
    assert joined.annotations.valence_arousal[:, 0].tolist() == pytest.approx([0, 0.1, 0, 0.1, 0.2])


def test_casting_a_batch_keeps_its_data_set_numbers() -> None:
    batch = _batch(2).to(torch.float64)
    assert batch.images.dtype == batch.annotations.expression.dtype == torch.float64
    assert batch.dataset.dtype == torch.int64


def test_predictions_are_probabilities() -> None:
    predictions = Predictions.of(torch.tensor([[0.0] * 6 + [1.0]]), torch.zeros(1, 17))
    assert predictions.expression.sum().item() == pytest.approx(1)
    assert predictions.expression[0, 6].item() == pytest.approx(2.718281828 / 8.718281828)
    assert (predictions.action_units == 0.5).all()
    assert Predictions.of(compound=torch.tensor([[0.0, 0.0, 2.0]]).log()).compound.tolist() == [[0, 0, 1]]


def test_an_absent_head_says_so_and_stays_absent() -> None:
    predictions = Predictions.of(expression=torch.zeros(2, 7, requires_grad=True))
    with pytest.raises(ValueError, match="action unit"):
        _ = predictions.action_units
    with pytest.raises(ValueError, match="compound"):
        _ = predictions.compound
    assert predictions[:1].action_unit_logits is None
    assert not predictions.detach().expression_logits.requires_grad
    assert Predictions.stack([predictions, predictions]).expression_logits.shape == (2, 2, 7)

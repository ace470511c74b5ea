"""Tasks, and the records that map them to tensors."""

import pytest
import torch
from pydantic import BaseModel

from fbn import tasks
from fbn.records import Annotations, Label, Predictions
from fbn.tasks import ACTION_UNITS, AFFECT_TASKS, COMPOUND, EXPRESSION, VALENCE_AROUSAL, Task, identity


def test_subsets_and_extensions_keep_the_name() -> None:
    eight = EXPRESSION.plus("other")
    two = ACTION_UNITS.only("AU25", "AU12")
    assert (len(eight), eight.labels[-1], eight.name) == (8, "other", "expression")
    assert ACTION_UNITS.columns(two) == [15, 8]
    assert eight.covers(EXPRESSION)
    assert not EXPRESSION.covers(eight)
    with pytest.raises(ValueError, match="AU3"):
        ACTION_UNITS.only("AU3")
    with pytest.raises(ValueError, match="other"):
        EXPRESSION.columns(eight)
    with pytest.raises(ValueError, match="each once"):
        Task("twice", "binary", ("a", "a"))


def test_probabilities_are_of_the_kind() -> None:
    raw = torch.tensor([[0.0, 2.0]])
    sure = [Task("t", kind, ("a", "b")).probability(raw) for kind in ("categorical", "binary", "continuous")]
    assert torch.equal(sure[0], raw.softmax(-1))
    assert torch.equal(sure[1], raw.sigmoid())
    assert torch.equal(sure[2], raw)


def test_files_name_the_usual_tasks_and_spell_out_others() -> None:
    class Model(BaseModel):
        of: tuple[tasks.TaskField, ...]

    people = identity(("Ann", "Bob"))
    model = Model.model_validate({"of": ["expression", people]})
    assert model.model_dump(mode="json")["of"][0] == "expression"
    assert Model.model_validate_json(model.model_dump_json()).of == (EXPRESSION, people)
    with pytest.raises(ValueError, match="unknown task 'joy'"):
        Model.model_validate({"of": ["joy"]})


def test_what_is_not_held_is_not_annotated() -> None:
    labels = Annotations({EXPRESSION: Label(torch.eye(7)[:3], torch.ones(3))})
    assert labels.batch == (3,)
    assert labels[VALENCE_AROUSAL].value.shape == (3, 2)
    assert labels[ACTION_UNITS].weight.shape == (3, 17)
    assert labels[ACTION_UNITS].weight.sum() == 0
    assert ACTION_UNITS not in labels
    both = Annotations.stack([labels, labels.only() | {VALENCE_AROUSAL: Label(torch.ones(3, 2), torch.ones(3))}])
    assert both[EXPRESSION].weight.tolist() == [[1] * 3, [0] * 3]
    assert both[VALENCE_AROUSAL].weight.tolist() == [[0] * 3, [1] * 3]


def test_labels_are_read_with_fewer_or_more_labels() -> None:
    eight = EXPRESSION.plus("other")
    labels = Annotations({eight: Label(torch.eye(8)[[0, 7]], torch.ones(2))})
    assert labels[EXPRESSION].weight.tolist() == [1, 0]
    votes = Annotations({eight: Label(torch.tensor([0.5, 0.25, 0, 0, 0, 0, 0, 0.25]), torch.ones(()))})
    assert votes[EXPRESSION].value[:2].tolist() == pytest.approx([2 / 3, 1 / 3])
    two = ACTION_UNITS.only("AU12", "AU25")
    few = Annotations({two: Label(torch.ones(2, 2), torch.ones(2, 2))})
    assert few[ACTION_UNITS].weight.sum(-1).tolist() == [2, 2]
    assert few[ACTION_UNITS].value[0].nonzero().flatten().tolist() == ACTION_UNITS.columns(two)
    assert few[ACTION_UNITS.only("AU25", "AU1")].weight.tolist() == [[1, 0], [1, 0]]


def test_outputs_are_read_with_fewer_labels_and_never_with_more() -> None:
    said = Predictions({ACTION_UNITS: torch.arange(17.0), EXPRESSION: torch.arange(7.0)})
    two = ACTION_UNITS.only("AU2", "AU1")
    assert said[two].tolist() == [1, 0]
    assert two in said
    assert list(said.only(two, VALENCE_AROUSAL)) == [two]
    few = said.only(two)
    assert few.stored(ACTION_UNITS) == two
    with pytest.raises(ValueError, match="action units head is for AU2, AU1 alone"):
        few[ACTION_UNITS]
    with pytest.raises(ValueError, match="no valence arousal head"):
        few[VALENCE_AROUSAL]


def test_the_second_of_two_wins() -> None:
    said = Predictions({task: torch.zeros(len(task)) for task in AFFECT_TASKS})
    more = said | {COMPOUND: torch.ones(15)} | Predictions({EXPRESSION.plus("other"): torch.ones(8)})
    assert [task.name for task in more] == ["action_units", "valence_arousal", "compound", "expression"]
    with pytest.raises(ValueError, match="one of each name"):
        Predictions({EXPRESSION: torch.zeros(7), EXPRESSION.plus("other"): torch.zeros(8)})


def test_clips_are_batches_of_two_axes() -> None:
    said = Predictions({task: torch.zeros(4, 32, len(task)) for task in AFFECT_TASKS})
    assert said[:, 5][EXPRESSION].shape == (4, 7)
    assert Annotations.empty(4, 32)[:, 5].batch == (4,)

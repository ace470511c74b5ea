"""The study faces: its split and labels, its tables, its arms, and its metrics against hand-made predictions."""

from collections import Counter

import numpy as np
import pytest
import torch

from fbn import metrics
from fbn.context import Context
from fbn.data.identities import identities
from fbn.errors import FormatError
from fbn.models.network import FaceNetwork
from fbn.records import Annotations, Label, Predictions, Sample
from fbn.studies import engine, faces, faces_data
from fbn.studies.faces import ARMS, STUDY, FacesRequest
from fbn.studies.faces_data import FacesData, Overlap, divide
from fbn.studies.study import Trained, Training
from fbn.tasks import ATTRIBUTES
from fbn.training.recipe import Recipe

PEOPLE, PICTURES = 10, 10


def samples() -> list[Sample]:
    """Pictures of which person p's share p / 10 has every attribute."""
    ones = torch.ones(len(ATTRIBUTES))
    return [
        Sample(
            "celeba",
            "",
            f"{person}/{picture}.jpg",
            Annotations({ATTRIBUTES: Label(ones * float(picture < person), ones)}),
            subject=str(person),
        )
        for person in range(PEOPLE)
        for picture in range(PICTURES)
    ]


def data(labels: Overlap = "both", fraction: float = 1.0) -> FacesData:
    crops = np.zeros((PEOPLE * PICTURES, 4, 4, 3), np.uint8)
    crops[:, 0, 0, 0] = range(PEOPLE * PICTURES)
    return divide(samples(), crops, "test", labels, fraction)


class TestSplit:
    def test_known_people_are_in_all_parts_and_strangers_in_none(self) -> None:
        faces = data()
        known, strangers = faces.held_out
        assert len(faces.identity) == 8
        assert (len(faces.pool), len(known.pool), len(strangers.pool)) == (8 * 7, 8 * 2, 2 * 10)
        assert set(faces.complete[faces.identity].value.sum(0).tolist()) == {7}
        assert set(known.pool.annotations[faces.identity].value.sum(0).tolist()) == {2}
        assert not strangers.pool.annotations[faces.identity].weight.any()

    def test_crops_follow_their_pictures(self) -> None:
        faces = data()
        numbers = [int(faces.pool.crop(row)[0, 0, 0]) for row in range(len(faces.pool))]
        who = [int(faces.identity.labels[i]) for i in faces.complete[faces.identity].value.argmax(-1)]
        assert [number // PICTURES for number in numbers] == who

    def test_no_picture_is_in_two_parts(self) -> None:
        faces = data()
        pools = [faces.pool, *(held_out.pool for held_out in faces.held_out)]
        numbers = [int(pool.crop(row)[0, 0, 0]) for pool in pools for row in range(len(pool))]
        assert max(Counter(numbers).values()) == 1


class TestLabels:
    def test_a_fraction_has_attributes(self) -> None:
        faces = data(fraction=0.5)
        assert faces.labelled["identity"] == 56
        assert abs(faces.labelled["attributes"] - 28) <= 4
        assert faces.complete[ATTRIBUTES].weight.all()

    def test_one_label_each(self) -> None:
        faces = data("one", 0.5)
        weights = (faces.pool.annotations[task].weight for task in (faces.identity, faces.attributes))
        identity, attributes = (weight if weight.ndim == 1 else weight[:, 0] for weight in weights)
        assert (identity + attributes).tolist() == [1.0] * 56

    def test_a_single_task_sees_its_labels_as_often(self) -> None:
        faces = data("one", 0.5)
        (both,) = faces.streams([faces.identity, faces.attributes], 56, 2)
        (alone,) = faces.streams([faces.attributes], 56, 2)
        assert (both.count, len(both.pool)) == (56, 56)
        assert alone.count == len(alone.pool) == faces.labelled["attributes"]
        assert faces.streams([faces.attributes], 56, 40)[0].count == 40


class TestTables:
    def test_counted(self) -> None:
        faces_ = data()
        matrix = faces.counted(faces_).matrix()
        who = faces_.complete[faces_.identity].value
        active = faces_.complete[faces_.attributes].value
        expected = [active[who[:, i] == 1].mean(0) for i in range(len(faces_.identity))]
        torch.testing.assert_close(matrix, torch.stack(expected))

    def test_shuffled_has_the_same_rows_and_mean_has_one(self) -> None:
        faces_ = data()
        right, shuffled, mean = (TABLE(faces_, 3).matrix() for TABLE in (faces.counted, faces.shuffled, faces.mean))
        assert not torch.equal(right, shuffled)
        torch.testing.assert_close(right.sort(0).values, shuffled.sort(0).values)
        torch.testing.assert_close(mean, right.mean(0).expand_as(right))

    def test_given_needs_pictures_with_both(self) -> None:
        assert faces.given(data(fraction=0.5)).matrix().shape == (8, 40)
        with pytest.raises(FormatError, match="no training picture has labels of both"):
            faces.given(data("one", 0.5))


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_is_a_recipe(name: str) -> None:
    arm, data_ = ARMS[name], data()
    training = STUDY.training(FacesRequest(), arm, 0, data_)
    recipe = training.recipe
    # model_copy does not validate
    again = Recipe.model_validate(recipe.model_dump(mode="json"))
    assert again.build_objective().terms == recipe.objective
    assert {task.name for task in again.build_network().tasks} == set(arm.changes.get("tasks", faces._BOTH))
    assert bool(arm.terms) == bool(arm.baseline)
    if arm.baseline:
        assert ARMS[arm.baseline].terms == {}
        assert ARMS[arm.baseline].changes.get("network") == arm.changes.get("network")


def measured(identity: torch.Tensor, attributes: torch.Tensor, data_: FacesData) -> dict[str, float]:
    """The figures of a network with these outputs for the known people's pictures, 0 for strangers'."""

    class Fixed(Trained):
        def predict(self, crops: object) -> Predictions:  # type: ignore[override]
            n = len(crops)  # type: ignore[arg-type]
            known = n == len(identity)
            zeros = {task: torch.zeros(n, len(task)) for task in (data_.identity, data_.attributes)}
            return Predictions({data_.identity: identity, data_.attributes: attributes} if known else zeros)

    network: FaceNetwork = None  # type: ignore[assignment]
    training: Training = None  # type: ignore[assignment]
    return STUDY.measure(Fixed(FacesRequest(), ARMS["none"], 0, data_, training, network)).figures


class TestMeasured:
    def test_perfect_predictions(self) -> None:
        data_ = data()
        labels = data_.held_out[0].pool.annotations
        figures = measured(40 * labels[data_.identity].value, 40 * labels[ATTRIBUTES].value - 20, data_)
        assert {figures[f"known/{name}"] for name in ("identity_accuracy", "identity_f1", "attribute_accuracy")} == {1}

    def test_identities_as_in_a_confusion_matrix(self) -> None:
        data_ = data()
        labels = data_.held_out[0].pool.annotations
        outputs = torch.randn(len(data_.held_out[0].pool), len(data_.identity), generator=torch.manual_seed(0))
        matrix = metrics.confusion(outputs, labels[data_.identity].value.argmax(-1), classes=len(data_.identity))
        figures = measured(outputs, labels[ATTRIBUTES].value, data_)
        assert figures["known/identity_accuracy"] == pytest.approx(metrics.accuracy(matrix))
        assert figures["known/identity_f1"] == pytest.approx(metrics.macro_f1(matrix))

    def test_attributes_that_the_identity_implies(self) -> None:
        data_ = data()
        labels = data_.held_out[0].pool.annotations
        figures = measured(40 * labels[data_.identity].value, -labels[ATTRIBUTES].value, data_)
        q = labels[data_.identity].value @ faces.counted(data_).matrix()
        expected = metrics.au_accuracy(q, labels[ATTRIBUTES].value).mean()
        assert figures["known/implied_accuracy"] == pytest.approx(expected)
        assert figures["known/attribute_accuracy"] < expected

    def test_strangers_have_no_identity_figures(self) -> None:
        data_ = data()
        labels = data_.held_out[0].pool.annotations
        names = measured(labels[data_.identity].value, labels[ATTRIBUTES].value, data_)
        # of their 20 pictures too few vary for the other figures
        assert {name for name in names if name.startswith("strangers/")} == {"strangers/attribute_accuracy"}


def test_it_runs(tmp_path) -> None:  # type: ignore[no-untyped-def]
    request = FacesRequest(budget="smoke", arms=("single-attributes", "none", "match"), seeds=1, labels="one")
    summary = engine.run(STUDY, request, Context(tmp_path))
    assert {row["row"] for row in summary["rows"]} == {"single-task", "none", "match"}
    keys = {(each["set"], each["figure"]) for each in summary["figures"] if each["row"] == "match"}
    assert {("known", "identity_accuracy"), ("strangers", "attribute_accuracy")} <= keys
    # a table counted on CelebA is as personal as its pictures: it is not written
    assert summary["tables"] == {}


def test_people_with_few_pictures_are_left_out() -> None:
    few = [sample for sample in samples() if sample.subject != "3" or "0.jpg" in sample.path]
    chosen = faces_data._frequent(few, None)
    assert "3" not in identities(chosen).labels
    assert len(identities(faces_data._frequent(few, 4))) == 4

"""Tables out of data sets: which pictures count, and what a model adds."""

from pathlib import Path

import pytest
import torch

from fbn.errors import FormatError
from fbn.records import Predictions
from fbn.training import inferring
from fbn.training.inferring import infer, infer_people
from fbn.vocabulary import AU_INDEX
from tests.data import trees


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """CK+: three people, two of them fearful with AU1, one onset; FER+: two fearful pictures without AUs."""
    frames = {
        **trees.ckplus_frame(1, 1, 9, "1 4", code=4),
        **trees.ckplus_frame(2, 1, 9, "1", code=4),
        **trees.ckplus_frame(3, 1, 1),
    }
    trees.write(tmp_path / "ckplus", frames)
    votes = "0,0,0,0,0,0,10,0,0,0"
    trees.write(tmp_path / "ferplus", trees.ferplus([f"Training,fer{i}.png,{votes}" for i in range(2)]))
    return tmp_path


def test_only_pictures_with_both_labels_count(sets: Path) -> None:
    found = infer(sets, min_support=1)
    assert found.sets["ferplus"] == 0
    assert found.evidence.cell("fear", 4).weight == 0.5
    assert found.evidence.cell("fear", 1).images == 2
    assert found.evidence.counted == "people"
    assert infer(sets, people=False).evidence.counted == "images"


def test_a_set_without_units_needs_a_model(sets: Path) -> None:
    with pytest.raises(FormatError, match="no picture of ferplus has an expression and an AU label; a model"):
        infer(sets / "ferplus")


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that sees AU7 in everybody and nothing else."""

    def predict(_, samples: list) -> Predictions:
        logits = torch.full((len(samples), 17), -3.0)
        logits[:, AU_INDEX[7]] = 3.0
        return Predictions.of(action_units=logits)

    monkeypatch.setattr(inferring, "FaceAnalyser", lambda model: model)
    monkeypatch.setattr(inferring, "predict", predict)
    monkeypatch.setattr(inferring, "_CHUNK", 2)


@pytest.mark.usefixtures("reader")
def test_a_model_reads_the_units_of_every_picture(sets: Path) -> None:
    told: list[float] = []
    found = infer(sets, "fbn", min_support=1, report=told.append)
    assert found.sets["ferplus"] == 2
    assert found.evidence.cell("fear", 7).images == 4
    assert found.evidence.table().row("fear") == {7: 1}
    assert "AUs as fbn reads them" in found.evidence.source
    assert told[-1] == 1
    assert len(told) > 1


def test_a_model_without_units_is_refused(sets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inferring, "FaceAnalyser", lambda model: model)
    monkeypatch.setattr(inferring, "predict", lambda *_: Predictions.of(expression=torch.zeros(4, 7)))
    with pytest.raises(FormatError, match="reads action units"):
        infer(sets, "fbn")


@pytest.mark.data
def test_ckplus(data_root: Path) -> None:
    found = infer(data_root)
    assert found.evidence.cell("disgust", 9).weight > 0.9
    assert found.evidence.cell("happiness", 12).weight > 0.9
    assert found.evidence.cell("happiness", 12).images > 40


def test_people_are_counted_from_their_pictures(tmp_path: Path) -> None:
    # attribute 20 is Male, 39 is Young
    who = {"a.jpg": 7, "b.jpg": 7, "c.jpg": 10}
    trees.write(tmp_path / "celeba", trees.celeba(who, {"a.jpg": {20, 39}, "b.jpg": {39}}))
    table = infer_people(tmp_path, min_support=1)
    assert table.row("7") == {"Male": 0.5, "Young": 1.0}
    assert table.row("10") == {}
    assert infer_people(tmp_path, min_support=2).row("7") == {"Male": 0.5, "Young": 1.0}
    assert "3 pictures" in table.provenance.note


def test_people_need_identities_and_attributes(sets: Path) -> None:
    with pytest.raises(FormatError, match="has an identity and attributes"):
        infer_people(sets)

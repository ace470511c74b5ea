"""Pools: labels weighted by set, silver labels where nothing is annotated, a teacher's mean view, crops kept."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from fbn.data import crops
from fbn.data.augment import centre
from fbn.data.crops import MARGIN, aligned, cached_crops
from fbn.data.pictures import read_picture
from fbn.data.silver import SHAPES
from fbn.errors import FormatError
from fbn.models import store
from fbn.records import Predictions
from fbn.training.pools import average, make_pool, teacher_predictions
from fbn.vocabulary import ACTION_UNIT_BY_NUMBER, AU_INDEX
from tests.training.helpers import corpus, recipe


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))


def test_label_weights_and_silver_labels(tmp_path: Path) -> None:
    data = corpus(tmp_path / "data", count=2)
    path = data.samples["train"][0].path
    row = {"dataset": "ferplus", "path": path} | {ACTION_UNIT_BY_NUMBER[u].code: 0.25 for u in SHAPES}
    other = row | {"dataset": "ckplus", "path": data.samples["train"][-1].path}
    pd.DataFrame([row, other]).to_parquet(tmp_path / "silver.parquet")
    settings = recipe(
        label_weights={"affectnet": {"expression": 0.5}}, silver=str(tmp_path / "silver.parquet"), silver_weight=0.3
    )
    pool, samples = make_pool(data, "train", settings)
    assert [s.path for s in samples] == [s.path for s in data.samples["train"]]
    labels = pool.annotations
    assert labels.expression_weight.tolist() == [1, 1, 0.5, 0.5, 0, 0]
    columns = [AU_INDEX[u] for u in SHAPES]
    torch.testing.assert_close(labels.action_units_weight[0, columns], torch.full((len(columns),), 0.3))
    assert labels.action_units_weight[1].sum() == 0
    # human codes stand where there are both
    assert labels.action_units[-1, AU_INDEX[12]] == 0
    assert labels.action_units_weight[-1, AU_INDEX[12]] == 1
    held_out, _ = make_pool(data, "valid", settings)
    assert held_out.annotations.expression_weight.tolist() == [1, 1, 1, 1, 0, 0]


def test_a_part_without_pictures_is_refused(tmp_path: Path) -> None:
    data = corpus(tmp_path / "data", count=2)
    empty = type(data)(data.names, {**data.samples, "valid": ()})
    with pytest.raises(FormatError, match="no pictures in their valid part"):
        make_pool(empty, "valid", recipe())


def test_average_is_of_probabilities() -> None:
    one = Predictions.of(torch.tensor([[4.0] + [0.0] * 6]), torch.full((1, 17), 2.0), torch.tensor([[0.2, 0.4]]))
    other = Predictions.of(torch.tensor([[0.0] * 7]), torch.full((1, 17), -1.0), torch.tensor([[0.4, 0.0]]))
    mean = average([one, other])
    torch.testing.assert_close(mean.expression, (one.expression + other.expression) / 2)
    torch.testing.assert_close(mean.action_units, (one.action_units + other.action_units) / 2)
    torch.testing.assert_close(mean.valence_arousal, torch.tensor([[0.3, 0.2]]))


def test_a_teacher_speaks_of_every_picture_and_its_mirror(tmp_path: Path) -> None:
    arguments = {"widths": [16], "blocks": [1]}
    torch.manual_seed(0)
    network = store.build("facebehaviornet", arguments).eval()
    folder = tmp_path / "teacher"
    store.save(folder, network, name="teacher", zoo="facebehaviornet", arguments=arguments)
    pool, _ = make_pool(corpus(tmp_path / "data", count=2), "train", recipe(teacher=[str(folder)]))
    assert pool.teacher is not None
    assert pool.teacher.action_units.shape == (6, 17)
    images = network.spec.prepare(centre(pool.crop(3)[None]))
    with torch.no_grad():
        expected = average([network(images), network(images.flip(-1))])
    torch.testing.assert_close(pool.teacher.valence_arousal[3:4], expected.valence_arousal, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(pool.teacher.expression[3:4], expected.expression, atol=1e-5, rtol=1e-4)
    assert teacher_predictions((), pool.crops) is None


def test_crops_are_cut_once_and_again_when_the_pictures_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = corpus(tmp_path / "data", count=2).samples["train"]
    cut = cached_crops(samples)
    assert cut.shape == (6, 144, 144, 3)
    monkeypatch.setattr(crops, "read_picture", None)  # would fail if it were asked again
    assert np.array_equal(cached_crops(samples), cut)
    # from another folder the same pictures have other names
    monkeypatch.chdir(tmp_path)
    assert samples[0].root.startswith(str(tmp_path))
    assert np.array_equal(cached_crops([replace(s, root=s.root[len(str(tmp_path)) + 1 :]) for s in samples]), cut)
    with pytest.raises(TypeError):
        cached_crops(samples[:3])
    monkeypatch.undo()
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))
    picture = Path(samples[0].root, samples[0].path)
    assert picture.is_file()
    cv2.imwrite(str(picture), np.full((40, 40, 3), 200, np.uint8))
    assert not np.array_equal(cached_crops(samples), cut)
    assert not list((tmp_path / "cache" / "crops").glob("*.tmp"))


def test_training_and_inference_cut_the_same_crop(tmp_path: Path) -> None:
    for sample in corpus(tmp_path / "data", count=2).samples["train"]:
        picture = read_picture(sample)
        difference = centre(aligned(picture, MARGIN)).astype(int) - aligned(picture).astype(int)
        assert np.abs(difference).mean() < 0.1


def test_what_is_left_out_of_a_corpus_is_cut_with_the_rest_and_not_seen(tmp_path: Path) -> None:
    whole = corpus(tmp_path / "data", count=3)
    everything, _ = make_pool(whole, "train", recipe())
    kept = {**whole.samples, "train": whole.samples["train"][1:]}
    pool, samples = make_pool(replace(whole, samples=kept, cut=whole.samples), "train", recipe())
    assert len(pool) == len(samples) == len(everything) - 1
    for i in range(len(pool)):
        assert np.array_equal(pool.crop(i), everything.crop(i + 1))
    assert np.array_equal(np.asarray(pool.crops[0]), everything.crops[0][1:])
    # one file a set: nothing was cut twice
    assert len(list((tmp_path / "cache" / "crops").glob("*.npy"))) == len(whole.names)

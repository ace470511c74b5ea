"""A folder of pictures in, a measured and named model out: figures, going on, refusing, odd data."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError
from typer.testing import CliRunner

from fbn.cli import application
from fbn.compound import CompoundClasses
from fbn.context import Cancelled, Context
from fbn.errors import FormatError
from fbn.fewshot import learn as module
from fbn.fewshot import measure
from fbn.fewshot.learn import FewShot, Result, few_shot
from fbn.jobs import kinds
from fbn.models import store
from fbn.models.zoo import with_compound
from fbn.records import Predictions
from fbn.relatedness import RelatednessTable
from fbn.resources import data_folder
from fbn.training import allocator
from tests.fewshot.shots import draw_data, save_small

COUNTS = {"happily_surprised": 9, "sadly_angry": 7, "awed": 1}


@pytest.fixture(scope="module", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("FBN_HOME", str(tmp_path_factory.mktemp("home")))
        save_small()
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data(tmp_path_factory.mktemp("data") / "mine", **COUNTS)


def asked(data: Path, **changes: Any) -> FewShot:
    return FewShot(**{"data": data, "model": "small", "folds": 3, "draws": 2, "crops": True, **changes})


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result, list[tuple[float, str]]]:
    folder, said = tmp_path_factory.mktemp("run"), []
    found = few_shot(asked(data, name="mine"), Context(folder, lambda share, words: said.append((share, words))))
    return folder, found, said


def without_time(found: Any) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key not in ("seconds", "asked", "model")}


def test_the_result_is_as_it_is_described(run: tuple[Path, Result, list[tuple[float, str]]]) -> None:
    folder, found, said = run
    assert set(found) == set(Result.__annotations__)
    assert json.loads((folder / "result.json").read_bytes()) == found
    assert found["classes"] == ["happily surprised", "sadly angry", "awed"]
    assert found["counts"] == {"happily surprised": 9, "sadly angry": 7, "awed": 1}
    # one picture is learned from and not measured, and that is said
    assert found["measured"] == {"happily surprised": 9, "sadly angry": 7, "awed": 0}
    assert found["unmeasured"] == ["awed"]
    assert found["recall"]["awed"] is None
    assert any("One picture only" in note and "awed" in note for note in found["notes"])
    assert (found["measurement"], found["chance"], found["base"]) == ("folds", pytest.approx(1 / 3), "small")
    matrix = np.array(found["confusion"])
    assert matrix.sum(1).tolist() == [9, 7, 0]
    recall = [matrix[i, i] / matrix[i].sum() for i in range(2)]
    assert found["figures"]["mean_diagonal"]["value"] == pytest.approx(np.mean(recall))
    assert found["figures"]["uar"] == found["figures"]["mean_diagonal"]
    gain = found["figures"]["mean_diagonal"]["value"] - found["zero_shot"]["mean_diagonal"]["value"]
    assert found["difference"]["value"] == pytest.approx(gain)
    assert [point["shots"] for point in found["curve"]] == [0, 1, 2, 5, None]
    assert found["curve"][0]["value"] == pytest.approx(found["zero_shot"]["mean_diagonal"]["value"])
    assert found["curve"][-1]["value"] == pytest.approx(found["figures"]["mean_diagonal"]["value"])
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert {"reading", "features", "measuring", "curve", "learning", "saving", "total"} == set(found["seconds"])


def test_what_went_wrong_can_be_looked_at(run: tuple[Path, Result, list[tuple[float, str]]]) -> None:
    folder, found, _ = run
    matrix = np.array(found["confusion"])
    assert found["wrong_total"] == matrix.sum() - np.trace(matrix) == len(found["wrong"])
    sure = [one["probability"] for one in found["wrong"]]
    assert sure == sorted(sure, reverse=True)
    for one in found["wrong"]:
        assert one["path"].startswith(one["true"].replace(" ", "_"))
        assert one["said"] != one["true"]
        assert one["own"] <= one["probability"] <= 1
        for file in (one["crop"], one["activation"]):
            assert file is not None
            assert cv2.imread(str(folder / file)).shape == (112, 112, 3)


def test_the_saved_model_is_one_like_any(run: tuple[Path, Result, list[tuple[float, str]]]) -> None:
    assert "mine" in store.names()
    manifest = store.manifest("mine")
    assert manifest.classes == ("happily surprised", "sadly angry", "awed")
    assert manifest.terms["chance"] == "made by nobody"
    card = store.card("mine")
    for words in ("Few-shot learning from `small`", "| sadly angry | 7 | 7 |", "zero-shot", "made by nobody"):
        assert words in card
    images = torch.rand(3, 3, 112, 112) * 2 - 1
    slow, base, fast = store.load("mine", "torch"), store.load("small", "torch"), store.load("mine")
    with torch.no_grad():
        own, before = slow(images), base(images)
    assert torch.allclose(own.compound, fast(images).compound, atol=1e-4)
    # a probe changes nothing else
    assert torch.equal(own.expression_logits, before.expression_logits)
    assert own.compound.shape == (3, 3)


def test_no_shots_are_zero_shot(data: Path, tmp_path: Path) -> None:
    found = few_shot(asked(data, shots=0, name="none", curve=None), Context(tmp_path))
    assert found["figures"] == found["zero_shot"]
    assert found["confusion"] == found["zero_shot_confusion"]
    assert found["difference"] == {"value": 0, "low": 0, "high": 0}
    assert found["strength"] is None
    assert found["curve"] == []
    classes = CompoundClasses.of(found["classes"], RelatednessTable.named("du2014"), "mine")
    base = store.load("small", "torch")
    assert not isinstance(base, store.OnnxNetwork)
    images = torch.rand(4, 3, 112, 112) * 2 - 1
    with torch.no_grad():
        said: Predictions = store.load("none", "torch")(images)
        assert torch.equal(said.compound_logits, with_compound(base, classes)(images).compound_logits)


def test_it_is_the_same_every_time_also_after_being_killed(
    data: Path, tmp_path: Path, run: tuple[Path, Result, list[tuple[float, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    real = module.probe_method

    def counting(*arguments: Any) -> Any:
        learn = real(*arguments)
        return lambda rows, out: counted.append(1) or learn(rows, out)

    monkeypatch.setattr(module, "probe_method", counting)

    def kill(share: float, words: str) -> None:
        if "2 a class" in words:
            raise SystemExit  # nothing is caught, nothing tidied

    with pytest.raises(SystemExit):
        few_shot(asked(data), Context(tmp_path, kill))
    first = len(counted)
    assert first > 0
    assert not (tmp_path / "result.json").exists()
    again = few_shot(asked(data), Context(tmp_path))
    whole = run[1]
    assert without_time(again) == without_time(whole)
    # what was there was not learned again, and asking again learns nothing
    assert len(counted) == len(list((tmp_path / "scores").iterdir()))
    few_shot(asked(data), Context(tmp_path))
    assert len(counted) == len(list((tmp_path / "scores").iterdir())) > first


def test_it_stops_when_asked(data: Path, tmp_path: Path) -> None:
    said = [""]
    context = Context(tmp_path, lambda _, words: said.append(words), lambda: "curve" in said[-1])
    with pytest.raises(Cancelled):
        few_shot(asked(data, name="stopped"), context)
    assert "stopped" not in store.names()
    assert not (tmp_path / "result.json").exists()


def test_a_full_disk_leaves_nothing_half_done(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for where, name in ((measure.np, "save"), (store, "save_file"), (module, "write_json")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, full)
            with pytest.raises(OSError, match="No space left"):
                few_shot(asked(data, name="big", curve=None), Context(tmp_path))
        hidden = [path.name for path in (*tmp_path.rglob(".*"), *data_folder("models").glob(".*"))]
        assert hidden == []
        assert not (tmp_path / "result.json").exists()
    few_shot(asked(data, name="big", curve=None, overwrite=True), Context(tmp_path))
    assert "big" in store.names()


def test_names_that_are_taken(data: Path, tmp_path: Path, run: tuple[Path, Result, list[tuple[float, str]]]) -> None:
    with pytest.raises(FormatError, match="mine: a model of this name exists"):
        few_shot(asked(data, name="mine"), Context(tmp_path))
    with pytest.raises(FormatError, match="fbn: a model that is shipped, or that FBN_MODELS holds"):
        few_shot(asked(data, name="fbn", overwrite=True), Context(tmp_path / "b"))


def test_a_folder_holds_one_request(data: Path, run: tuple[Path, Result, list[tuple[float, str]]]) -> None:
    with pytest.raises(FormatError, match=r"holds another request \(it differs in shots, seed\)"):
        few_shot(asked(data, shots=2, seed=4), Context(run[0]))


def test_classes_are_those_of_a_set(data: Path, tmp_path: Path) -> None:
    found = few_shot(asked(data, classes="du2014", curve=None), Context(tmp_path / "a"))
    assert len(found["classes"]) == 15
    assert found["counts"]["sadly angry"] == 7
    assert any("No picture to learn from, zero-shot score kept: happily disgusted" in note for note in found["notes"])
    with pytest.raises(FormatError, match="mine: class 'awed' is not among those of rafdb"):
        few_shot(asked(data, classes="rafdb"), Context(tmp_path / "b"))


def test_classes_without_a_meaning(tmp_path: Path) -> None:
    root = draw_data(tmp_path / "mine", smirk=4, wink=4)
    found = few_shot(asked(root, folds=2, draws=1), Context(tmp_path / "out"))
    assert found["known"] == [False, False]
    assert any("say nothing to zero-shot" in note for note in found["notes"])


def test_one_picture_a_class_measures_nothing(tmp_path: Path) -> None:
    root = draw_data(tmp_path / "mine", happily_surprised=1, sadly_angry=1)
    found = few_shot(asked(root), Context(tmp_path / "out"))
    assert found["figures"]["mean_diagonal"] == {"value": None, "low": None, "high": None}
    assert found["unmeasured"] == ["happily surprised", "sadly angry"]
    assert found["wrong"] == []


def test_one_class_is_refused(tmp_path: Path) -> None:
    root = draw_data(tmp_path / "mine", awed=3)
    with pytest.raises(FormatError, match="all pictures are 'awed', expected two classes or more"):
        few_shot(asked(root), Context(tmp_path / "out"))


def test_a_test_part_is_only_measured_on(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    draw_data(root / "train", happily_surprised=5, sadly_angry=5, awed=2)
    draw_data(root / "test", happily_surprised=4, sadly_angry=4)
    for path in (root / "test").rglob("*.png"):
        picture = cv2.imread(str(path))
        assert cv2.imwrite(str(path), picture[::-1])  # other pictures than those of train
    found = few_shot(asked(root), Context(tmp_path / "out"))
    assert found["measurement"] == "test"
    assert found["counts"] == {"happily surprised": 5, "sadly angry": 5, "awed": 2}
    assert found["measured"] == {"happily surprised": 4, "sadly angry": 4, "awed": 0}
    assert "No picture in the test part, learned from but not measured: awed." in found["notes"]
    assert found["coverage"]["parts"] == {
        "train": {"happily surprised": 5, "sadly angry": 5, "awed": 2},
        "test": {"happily surprised": 4, "sadly angry": 4},
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "../out"}, "name"),
        ({"name": ".hidden"}, "name"),
        ({"shots": -1}, "shots"),
        ({"folds": 1}, "folds"),
        ({"strategy": "all"}, "strategy"),
        ({"overwrite": True}, "overwrite: there is no name"),
        ({"shot": 3}, "shot: Extra inputs"),
    ],
)
def test_mistakes_are_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        kinds.parse("fewshot", {"data": "x", **changes})
    with pytest.raises(ValidationError):
        FewShot.model_validate({"data": "x", **changes})


def test_the_command(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator, "with_allocator", lambda: None)
    common = ["fewshot", str(data), "--model", "small", "--crops", "--folds", "3", "--curve", "none"]
    said = CliRunner().invoke(
        application, [*common, "-o", str(tmp_path / "out"), "--save", "told"], env={"COLUMNS": "120"}
    )
    assert said.exit_code == 0, said.output
    for words in ("happily surprised", "mean diagonal (UAR)", "chance", "17 without a face, kept", "--model told"):
        assert words in said.output
    assert json.loads((tmp_path / "out" / "result.json").read_bytes())["model"] == "told"
    again = CliRunner().invoke(application, [*common, "-o", str(tmp_path / "b"), "--save", "told"])
    assert isinstance(again.exception, FormatError)

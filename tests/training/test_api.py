"""What ``fbn.train``, ``fbn.load`` and ``fbn.evaluate`` add to the functions that they call."""

from pathlib import Path
from typing import Any

import pytest
import torch

import fbn
from fbn.errors import FormatError, MissingFileError
from fbn.training import evaluate as evaluation
from fbn.training import run
from fbn.training.recipe import change, read
from tests.training.helpers import recipe


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """A run folder with a checkpoint."""
    settings, folder = recipe(name="tiny"), tmp_path / "run"
    run.begin(settings, folder, resume=False)
    weights = settings.build_network().state_dict()
    (folder / run.BEST).parent.mkdir()
    torch.save({"state_dict": {f"network.{key}": value for key, value in weights.items()}}, folder / run.BEST)
    return folder


class TestTrain:
    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """(recipe, data, out) of each training that was begun; none is done."""
        calls: list[Any] = []
        monkeypatch.setattr(run, "train", lambda *given, **how: calls.append(given) or given[2])
        return calls

    def test_a_recipe_by_name_by_file_or_as_it_is(self, asked: list[Any], tmp_path: Path) -> None:
        (tmp_path / "mine.yaml").write_text("epochs: 3\n")
        for given in ("smoke", tmp_path / "mine.yaml", read("smoke")):
            fbn.train(given, "data")
        assert [(each.name, data, out) for each, data, out in asked] == [
            ("smoke", Path("data"), Path("runs/smoke")),
            ("mine", Path("data"), Path("runs/mine")),
            ("smoke", Path("data"), Path("runs/smoke")),
        ]

    def test_keywords_change_the_recipe(self, asked: list[Any], tmp_path: Path) -> None:
        assert fbn.train("smoke", "data", tmp_path, epochs=1, per_step={"ckplus": 9}) == tmp_path
        smoke = read("smoke")
        assert asked[0][0] == change(smoke, {"epochs": 1, "per_step": {"ckplus": 9}})
        assert asked[0][0].per_step == {**smoke.per_step, "ckplus": 9}

    def test_a_field_that_is_none_is_refused(self, asked: list[Any]) -> None:
        with pytest.raises(FormatError, match="recipe smoke: epoch: "):
            fbn.train("smoke", "data", epoch=1)
        with pytest.raises(FormatError, match="recipe smoke: epochs: "):
            fbn.train("smoke", "data", epochs=0)
        with pytest.raises(MissingFileError, match="no recipe"):
            fbn.train("none", "data")
        assert not asked


def test_a_changed_recipe_keeps_what_was_left_out() -> None:
    only = fbn.Recipe(per_step={"ckplus": 8})
    assert change(only, {"epochs": 2}).sets == ("ckplus",)


def test_a_run_is_loaded_and_measured(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network, spec = fbn.load(finished)
    assert not network.training
    assert spec == network.spec
    with pytest.raises(FormatError, match="fbn export makes an ONNX model"):
        fbn.load(finished, "onnx")

    def measured(data: Path, model: Any, part: str, **how: Any) -> dict[str, Any]:
        assert torch.equal(model.heads[0].output.weight, network.heads[0].output.weight)
        return {"model": how["name"], "part": part}

    monkeypatch.setattr(evaluation, "evaluate", measured)
    assert fbn.evaluate(finished, "data", "valid") == {"model": "tiny", "part": "valid"}
    with pytest.raises(ValueError, match="expected test or valid"):
        fbn.evaluate(finished, "data", "train")


def test_a_model_that_is_none_is_named() -> None:
    with pytest.raises(MissingFileError, match="no model 'none'"):
        fbn.load("none")

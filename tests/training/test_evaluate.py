"""What is measured, what is skipped and said so, and what is refused."""

from pathlib import Path

import pytest

from fbn.errors import MissingFileError
from fbn.training import evaluate as evaluation
from fbn.training.evaluate import evaluate
from tests.data import trees


class _Analyser:
    def __init__(self, *_: object, **__: object) -> None: ...


@pytest.fixture(autouse=True)
def _without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "FaceAnalyser", _Analyser)
    monkeypatch.setattr(evaluation, "predict", lambda *_: None)
    monkeypatch.setattr(evaluation, "_report", lambda _, samples, __: {"pictures": len(samples), "figures": {}})
    monkeypatch.setattr(evaluation, "score", lambda _: 0.0)
    monkeypatch.setattr(evaluation.store, "manifest", lambda name: type("Manifest", (), {"name": name}))


def ferplus(root: Path) -> Path:
    votes = "10,0,0,0,0,0,0,0,0,0"
    rows = [f"{usage},fer{i}.png,{votes}" for i, usage in enumerate(("Training", "PublicTest", "PrivateTest"))]
    return trees.write(root / "ferplus", trees.ferplus(rows))


def test_sets_that_are_not_there_are_named(tmp_path: Path) -> None:
    ferplus(tmp_path)
    report = evaluate(tmp_path, progress=False)
    # FER2013Valid alone, not FER2013Test
    assert report["sets"] == {"ferplus": {"pictures": 1, "figures": {}}}
    assert report["skipped"] == ["affectnet", "ckplus", "expw", "diffusionfer"]


def test_a_set_without_its_labels_is_no_set_that_is_not_there(tmp_path: Path) -> None:
    (ferplus(tmp_path) / "fer2013new.csv").unlink()
    with pytest.raises(MissingFileError, match=r"fer2013new\.csv"):
        evaluate(tmp_path, progress=False)

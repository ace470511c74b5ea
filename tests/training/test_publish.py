"""From run folder to a measured model, and the commands around it, on tiny trees in the official layouts."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from fbn.cli import application
from fbn.data.corpus import load_corpus
from fbn.data.sources import SOURCES
from fbn.errors import MissingFileError
from fbn.models import store
from fbn.relatedness import RelatednessTable
from fbn.training import card, run
from fbn.training.publish import _without_folders, load_run, publish
from fbn.training.recipe import Recipe
from tests.data import trees
from tests.training.helpers import recipe


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AffectNet and CK+ of a few pictures."""
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FBN_MODELS", str(tmp_path / "models"))
    root = tmp_path / "data"
    rows = [trees.affectnet_row(f"1/{i}.jpg", i % 4, 0.1 * (i % 7) - 0.3, 0.05 * (i % 5)) for i in range(64)]
    trees.write(root / "affectnet", trees.affectnet(rows))
    files: dict[str, bytes | str] = {}
    for subject in range(40):
        files |= trees.ckplus_frame(subject, 1, 1)
        files |= trees.ckplus_frame(subject, 1, 9, "1 12" if subject % 2 else "1", 5)
    trees.write(root / "ckplus", files)
    return root


def test_train_export_evaluate(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    settings = recipe(per_step={"ferplus": 0, "affectnet": 4, "ckplus": 4}, epochs=1, averaging=0.0)
    run.begin(settings, out, resume=False)
    with pytest.raises(MissingFileError, match="no checkpoint yet"):
        publish(out, tmp_path / "models" / "mine", "mine")
    run.fit(settings, load_corpus(data, settings.sets), out, threads=1, workers=0, progress=False)

    result = CliRunner().invoke(
        application, ["export", str(out), "-o", str(tmp_path / "models"), "--name", "mine", "--data", str(data)]
    )
    assert result.exit_code == 0, result.output
    manifest = store.manifest("mine")
    assert manifest.git_sha
    assert manifest.date == json.loads((out / run.ORIGIN).read_text())["date"]
    assert manifest.recipe == settings.model_dump(mode="json")
    assert set(manifest.terms) == {"affectnet", "ckplus"}
    assert set(manifest.metrics) == {"valid", "test"}
    card = store.card("mine")
    for needed in ("research use", "AffectNet", "CK+", "CCC of valence", "Not for"):
        assert needed in card
    # calibration touched the AU head alone
    raw, published = load_run(out), store.load("mine", "torch")
    images = torch.rand(2, 3, 112, 112)
    with torch.no_grad():
        torch.testing.assert_close(published(images).expression_logits, raw(images).expression_logits)
        assert not torch.allclose(published(images).action_unit_logits, raw(images).action_unit_logits)  # type: ignore[arg-type]

    written = tmp_path / "figures.json"
    result = CliRunner().invoke(
        application, ["evaluate", "--data", str(data), "--model", "mine", "-o", str(written)], env={"COLUMNS": "120"}
    )
    assert result.exit_code == 0, result.output
    assert "ccc_valence" in result.output
    report = json.loads(written.read_text())
    assert report["sets"]["affectnet"]["figures"] == manifest.metrics["test"]["sets"]["affectnet"]["figures"]
    assert report["sets"]["ckplus"]["pictures"] == 50  # 25 subjects, onset and peak
    figure = report["sets"]["ckplus"]["figures"]["f1"]
    assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1


def test_the_mean_of_two_epochs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    settings = recipe()
    run.begin(settings, out, resume=False)
    states = []
    for checkpoint in (run.BEST, run.LAST):
        network = settings.build_network()
        states.append(network.state_dict())
        (out / checkpoint).parent.mkdir(exist_ok=True)
        torch.save({"state_dict": {f"network.{key}": value for key, value in states[-1].items()}}, out / checkpoint)
    monkeypatch.setenv("FBN_MODELS", str(tmp_path / "models"))
    for extra, mean in (([], False), (["--average"], True)):
        result = CliRunner().invoke(
            application, ["export", str(out), "-o", str(tmp_path / "models"), "--name", "mine", *extra]
        )
        assert result.exit_code == 0, result.output
        found = store.load("mine", "torch").state_dict()
        for name, (one, other) in {name: (states[0][name], states[1][name]) for name in found}.items():
            expected = (one + other) / 2 if mean and one.is_floating_point() else one
            torch.testing.assert_close(found[name], expected)
        assert store.manifest("mine").checkpoints == (("best", "last") if mean else ("best",))
        assert ("the mean of those of the run's best and last epoch" in store.card("mine")) == mean


def test_commands_refuse_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_MMAP_MAX_", "0")  # as after the re-exec
    runner = CliRunner()
    missing = runner.invoke(application, ["train", "nothing", "--data", str(tmp_path)])
    assert isinstance(missing.exception, MissingFileError)
    assert "no recipe 'nothing'" in str(missing.exception)
    part = runner.invoke(application, ["evaluate", "--data", str(tmp_path), "--part", "train"])
    assert part.exit_code == 2
    nowhere = runner.invoke(application, ["export", str(tmp_path), "-o", str(tmp_path)])
    assert "no checkpoint" in str(nowhere.exception)


@pytest.mark.parametrize("source", SOURCES)
def test_every_data_set_has_a_card(source: str) -> None:
    text = card.write("mine", Recipe(per_step={source: 8}), {}, "0" * 40, "2026-01-01", ("best",))
    assert f"- {card.TERMS.get(source, source)}" in text


def test_an_edited_table_is_published_whole() -> None:
    table = RelatednessTable.named("du2014").edited("fear", 9, 0.4)
    published = _without_folders(Recipe(table=table, init="/somewhere/fbn"))
    assert RelatednessTable.from_json(json.dumps(published["table"])) == table
    assert published["init"] == "fbn"

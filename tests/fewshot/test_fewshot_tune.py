"""Training further than the probe: what changes, what is kept, when it stops."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from fbn.compound import CompoundClasses
from fbn.context import Cancelled, Context
from fbn.data.compound_faces import read_faces
from fbn.data.crops import Rows
from fbn.fewshot import tune as module
from fbn.fewshot.features import FewShotData, compound_logits, extract_features, load_starting_network, with_probe
from fbn.fewshot.learn import FewShot, few_shot
from fbn.fewshot.tune import tune
from fbn.models.zoo import compound_arguments
from fbn.relatedness import RelatednessTable
from fbn.tasks import COMPOUND
from fbn.training.predict import predict
from tests.fewshot.shots import draw_data, save_small


@pytest.fixture(scope="module", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("FBN_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(module, "EPOCHS", 2)
        patch.setattr(module, "_MIN_STEPS", 2)
        patch.setattr(module, "_BATCH", 8)
        patch.setattr(module, "_FOLDS", 2)
        save_small()
        yield


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data(tmp_path_factory.mktemp("data") / "mine", happily_surprised=6, sadly_angry=12)


@pytest.fixture(scope="module")
def labelled(data: Path) -> FewShotData:
    faces = read_faces(data, crops=True)
    network, weights = load_starting_network("small")
    return extract_features(
        faces, network, weights, CompoundClasses.of(faces.classes, RelatednessTable.named("du2014"), "mine")
    )


def states(labelled: FewShotData, part: module.Part) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Before and after all passes, whatever they were worth."""
    rows = np.arange(18)
    start = module._probe(labelled, rows, 0)
    found = module._train(labelled, rows, part, 0, start, (Context(Path()), "learning"), rows[:0])
    return with_probe(labelled, start).state_dict(), found.network.state_dict()


@pytest.mark.parametrize("part", ["last_block", "whole"])
def test_what_changes(labelled: FewShotData, part: module.Part) -> None:
    before, after = states(labelled, part)
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert {"heads.1.residual.weight", "heads.0.output.weight", "body.stages.1.body.0.weight"} <= changed
    assert ("body.stem.0.weight" in changed) == (part == "whole")
    # a few pictures have no statistics to offer
    assert not any("running" in name for name in changed)


def test_the_basic_outputs_stay_near(labelled: FewShotData, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved() -> float:
        _, after = states(labelled, "whole")
        network = with_probe(labelled, module._probe(labelled, np.arange(18), 0))
        network.load_state_dict(after)
        with torch.no_grad():
            said = predict(network, Rows(labelled.faces.crops, labelled.faces.rows))
        return float((said.expression - labelled.predictions.expression).abs().mean())

    monkeypatch.setitem(module._RATE, "whole", 3e-3)
    monkeypatch.setattr(module, "EPOCHS", 12)
    kept = moved()
    monkeypatch.setattr(module, "_DISTILLATION", 0.0)
    assert kept < moved() / 2


@pytest.mark.parametrize("chosen", ["bf16-mixed", "32-true"])
def test_it_computes_as_this_machine_does(labelled: FewShotData, monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    seen: list[object] = []

    class Stopped(Exception):
        pass

    def trainer(**settings: object) -> None:
        seen.append(settings["precision"])
        raise Stopped

    monkeypatch.setattr("fbn.training.precision.native", lambda: chosen == "bf16-mixed")
    monkeypatch.setattr("lightning.Trainer", trainer)
    with pytest.raises(Stopped):
        states(labelled, "last_block")
    assert seen == [chosen]


def test_it_begins_where_the_probe_ends(labelled: FewShotData) -> None:
    rows = np.arange(18)
    start = module._probe(labelled, rows, 0)
    logits = compound_logits(with_probe(labelled, start), labelled.faces.crops, labelled.faces.rows)
    assert torch.allclose(logits.double(), start.logits(labelled.features, labelled.total), atol=1e-3)


def test_where_more_passes_are_worse_the_probe_stays(labelled: FewShotData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._RATE, "whole", 10.0)
    rows = np.arange(18)
    found = tune(labelled, rows, "whole", 0, Context(Path()), "learning")
    assert found.epochs == 0
    expected = with_probe(labelled, found.probe).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.network.state_dict().items())


def test_one_picture_a_class_is_left_to_the_probe(labelled: FewShotData) -> None:
    assert tune(labelled, np.array([0, 17]), "whole", 0, Context(Path()), "learning").epochs == 0


def test_it_is_the_same_every_time(labelled: FewShotData) -> None:
    one, other = (states(labelled, "last_block")[1] for _ in range(2))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_every_step_shows_as_many_of_each_class(labelled: FewShotData) -> None:
    pool, streams = module._pool(labelled, np.arange(18), np.array([0, 1]), 4)
    assert [stream.count for stream in streams] == [4, 4]
    assert [len(stream.pool) for stream in streams] == [6, 12]
    assert pool.teacher is not None
    target = pool.annotations[pool.annotations.stored(COMPOUND)].value
    assert all((target[torch.from_numpy(stream.pool)].argmax(1) == i).all() for i, stream in enumerate(streams))


def test_it_stops_when_asked(labelled: FewShotData) -> None:
    said: list[str] = []
    context = Context(Path(), lambda _, words: said.append(words), lambda: len(said) > 1)
    with pytest.raises(Cancelled):
        tune(labelled, np.arange(18), "whole", 0, context, "learning")


@pytest.mark.parametrize("many", [False, True])
def test_from_the_folder_to_the_model(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: bool) -> None:
    if many:
        monkeypatch.setattr(module, "_MIN_HELD_OUT", 10)
    said: list[tuple[float, str]] = []
    asked = FewShot(data=data, model="small", strategy="last_block", folds=2, draws=1, crops=True)
    found = few_shot(asked, Context(tmp_path, lambda share, words: said.append((share, words))))
    assert sum(found["measured"].values()) == 18
    assert [share for share, _ in said] == sorted(share for share, _ in said)
    assert {"measuring, part 1 of 2", "measuring, part 2 of 2"} <= {words.split(":")[0] for _, words in said}
    again = few_shot(asked, Context(tmp_path))
    assert again["confusion"] == found["confusion"]


def test_a_network_that_is_too_sure_is_scaled_down(labelled: FewShotData) -> None:
    rows = np.arange(18)
    network = with_probe(labelled, module._probe(labelled, rows, 0))
    before = compound_logits(network, labelled.faces.crops, labelled.faces.rows)
    two = Rows(labelled.faces.crops, labelled.faces.rows[:2])
    basic = predict(network, two).expression_logits
    after = compound_logits(module._scaled(network, 0.25), labelled.faces.crops, labelled.faces.rows)
    assert torch.allclose(after, before / 4, atol=1e-4)
    assert compound_arguments(network)["temperature"] == pytest.approx(network.temperature)
    again = predict(network, two).expression_logits
    assert torch.equal(again, basic)
    rng = np.random.default_rng(0)
    true = rng.normal(size=(2000, 3))
    labels = (true + rng.gumbel(size=true.shape)).argmax(1)
    for times in (5.0, 0.4):
        scale, cost = module._fitting(times * true, labels)
        assert scale == pytest.approx(1 / times, rel=0.15)
        assert cost == pytest.approx(module._fitting(true, labels)[1], abs=0.01)
    assert module._fitting(true * np.nan, labels)[1] == np.inf

"""A network with a compound head: it starts as the zero-shot scorer, and is saved with its classes."""

import json
from pathlib import Path

import pytest
import torch

from fbn.compound import CompoundClasses, terms
from fbn.errors import FormatError
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.models.zoo import ZOO, compound_arguments, facebehaviornet, with_compound
from fbn.relatedness import RelatednessTable
from fbn.tasks import AFFECT_TASKS, Task
from fbn.vocabulary import COMPOUND_RAFDB

TINY = {"widths": [16, 24], "blocks": [1, 1]}
IMAGES = torch.linspace(-1, 1, 2 * 3 * 112 * 112).reshape(2, 3, 112, 112)
HEADS = ("expression_logits", "action_unit_logits", "valence_arousal")
#: Two as a folder calls them, a basic one, neutral, and one whose name says nothing.
MIXED = CompoundClasses.of(
    ["HappilySurprised", "sadly_angry", "sadness", "neutral", "kitten"], RelatednessTable.named("du2014"), "folder"
)


@pytest.fixture
def base() -> FaceNetwork:
    """A network that says something: its outputs are spread."""
    torch.manual_seed(0)
    network = facebehaviornet(**TINY, dropout=0.4).eval()
    with torch.no_grad():
        network.heads[0].output.weight.normal_(std=0.8)
    return network


@pytest.mark.parametrize("classes", [CompoundClasses.named("rafdb"), MIXED], ids=["rafdb", "mixed"])
def test_untrained_is_exactly_the_zero_shot_scorer(base: FaceNetwork, classes: CompoundClasses) -> None:
    network = with_compound(base, classes, temperature=0.2)
    with torch.no_grad():
        said, alone = network(IMAGES), base(IMAGES)
    for head in HEADS:
        assert torch.equal(getattr(said, head), getattr(alone, head))
    assert torch.equal(said.compound_logits, terms(alone, classes).total / 0.2)
    assert said.compound_logits.std() > 0


def test_the_residual_is_added_and_reads_the_features(base: FaceNetwork) -> None:
    network = with_compound(base, MIXED)
    with torch.no_grad():
        before = network(IMAGES).compound_logits
        network.compound.residual.weight.normal_()
        network.compound.residual.bias.fill_(3.0)
        features = base.features(IMAGES)
        torch.testing.assert_close(
            network(IMAGES).compound_logits,
            before + features @ network.compound.residual.weight.T + 3.0,
            rtol=1e-5,
            atol=1e-5,
        )
        assert torch.equal(network.apply_heads(features).compound_logits, network(IMAGES).compound_logits)


def test_a_copy_leaves_the_first_alone_and_takes_its_state(base: FaceNetwork) -> None:
    network = with_compound(base, MIXED)
    assert not network.training
    assert network.compound.dropout.p == 0.4
    assert network.spec == base.spec
    before = {key: value.clone() for key, value in base.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    assert all(torch.equal(value, base.state_dict()[key]) for key, value in before.items())
    assert with_compound(base.train(), MIXED).training


def test_other_classes_begin_anew(base: FaceNetwork) -> None:
    first = with_compound(base, MIXED)
    torch.nn.init.normal_(first.compound.residual.weight)
    second = with_compound(first, CompoundClasses.named("emotionet"))
    assert second.compound.residual.weight.shape == (16, 24)
    assert not second.compound.residual.weight.any()
    assert torch.equal(second.heads[0].output.weight, base.heads[0].output.weight)


@pytest.mark.parametrize("task", AFFECT_TASKS)
def test_all_three_tasks_are_needed(task: Task) -> None:
    with pytest.raises(FormatError, match=f"predicts only {task}"):
        with_compound(facebehaviornet(tasks=(task,), **TINY), MIXED)


def test_another_body_is_refused() -> None:
    with pytest.raises(FormatError, match="ResNet50: expected the residual body"):
        with_compound(ZOO["resnet-50"](width=1 / 16), MIXED)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_is_positive(temperature: float) -> None:
    with pytest.raises(FormatError, match="temperature"):
        ZOO["compound"](**TINY, temperature=temperature)


def test_saved_and_read_back_by_both_runtimes(base: FaceNetwork, tmp_path: Path) -> None:
    network = with_compound(base, MIXED, temperature=0.15)
    torch.nn.init.normal_(network.compound.residual.weight)
    arguments = json.loads(json.dumps(compound_arguments(network)))
    assert json.loads(json.dumps(compound_arguments(store.build("compound", arguments)))) == arguments
    saved = store.save(tmp_path / "mine", network, name="mine", zoo="compound", arguments=compound_arguments(network))
    assert saved.classes == store.manifest(tmp_path / "mine").classes == MIXED.classes
    assert "compound_logits" in saved.outputs
    with torch.no_grad():
        expected = network(IMAGES)
        torch_network = store.load(tmp_path / "mine", "torch")
        onnx_network = store.load(tmp_path / "mine", "onnx")
        assert torch.equal(torch_network(IMAGES).compound_logits, expected.compound_logits)
        torch.testing.assert_close(onnx_network(IMAGES).compound, expected.compound, rtol=1e-4, atol=1e-5)
    for again in (torch_network, onnx_network):
        assert again.classes == MIXED
        assert again.temperature == 0.15


def test_the_zoos_own_classes() -> None:
    assert store.build("compound", TINY).classes.classes == COMPOUND_RAFDB
    with pytest.raises(FormatError, match="compound"):
        store.build("compound", TINY | {"classes": {"name": "x"}})

"""A network with a compound head: it starts as the zero-shot scorer, and is saved with its classes."""

import json
from pathlib import Path

import pytest
import torch

from fbn.compound import CompoundClasses, terms
from fbn.errors import FormatError
from fbn.models import store
from fbn.models.compound import CompoundNet
from fbn.models.network import FaceBehaviorNet
from fbn.relatedness import RelatednessTable
from fbn.vocabulary import COMPOUND_RAFDB, Task

TINY = {"widths": [16, 24], "blocks": [1, 1]}
IMAGES = torch.linspace(-1, 1, 2 * 3 * 112 * 112).reshape(2, 3, 112, 112)
HEADS = ("expression_logits", "action_unit_logits", "valence_arousal")
#: Two as a folder calls them, a basic one, neutral, and one whose name says nothing.
MIXED = CompoundClasses.of(
    ["HappilySurprised", "sadly_angry", "sadness", "neutral", "kitten"], RelatednessTable.named("du2014"), "folder"
)


@pytest.fixture
def base() -> FaceBehaviorNet:
    """A network that says something: its outputs are spread."""
    torch.manual_seed(0)
    network = FaceBehaviorNet(**TINY, dropout=0.4).eval()
    with torch.no_grad():
        network.output.weight.normal_(std=0.8)
    return network


@pytest.mark.parametrize("classes", [CompoundClasses.named("rafdb"), MIXED], ids=["rafdb", "mixed"])
def test_untrained_is_exactly_the_zero_shot_scorer(base: FaceBehaviorNet, classes: CompoundClasses) -> None:
    network = CompoundNet.of(base, classes, temperature=0.2)
    with torch.no_grad():
        said, alone = network(IMAGES), base(IMAGES)
    for head in HEADS:
        assert torch.equal(getattr(said, head), getattr(alone, head))
    assert torch.equal(said.compound_logits, terms(alone, classes).total / 0.2)
    assert said.compound_logits.std() > 0


def test_the_residual_is_added_and_reads_the_features(base: FaceBehaviorNet) -> None:
    network = CompoundNet.of(base, MIXED)
    with torch.no_grad():
        before = network(IMAGES).compound_logits
        network.residual.weight.normal_()
        network.residual.bias.fill_(3.0)
        features = base.features(IMAGES)
        torch.testing.assert_close(
            network(IMAGES).compound_logits, before + features @ network.residual.weight.T + 3.0, rtol=1e-5, atol=1e-5
        )
        assert torch.equal(network.heads(features).compound_logits, network(IMAGES).compound_logits)


def test_a_copy_leaves_the_first_alone_and_takes_its_state(base: FaceBehaviorNet) -> None:
    network = CompoundNet.of(base, MIXED)
    assert not network.training
    assert network.dropout.p == 0.4
    assert network.spec == base.spec
    before = {key: value.clone() for key, value in base.state_dict().items()}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    assert all(torch.equal(value, base.state_dict()[key]) for key, value in before.items())
    assert CompoundNet.of(base.train(), MIXED).training


def test_other_classes_begin_anew(base: FaceBehaviorNet) -> None:
    first = CompoundNet.of(base, MIXED)
    torch.nn.init.normal_(first.residual.weight)
    second = CompoundNet.of(first, CompoundClasses.named("emotionet"))
    assert second.residual.weight.shape == (16, 24)
    assert not second.residual.weight.any()
    assert torch.equal(second.output.weight, base.output.weight)


@pytest.mark.parametrize("task", Task)
def test_all_three_tasks_are_needed(task: Task) -> None:
    with pytest.raises(FormatError, match=f"predicts only {task}"):
        CompoundNet.of(FaceBehaviorNet(tasks=(task,), **TINY), MIXED)


def test_another_body_is_refused() -> None:
    class Other(FaceBehaviorNet):
        def features(self, images: torch.Tensor) -> torch.Tensor:
            return super().features(images)

    with pytest.raises(FormatError, match="Other: expected FaceBehaviorNet's own body"):
        CompoundNet.of(Other(**TINY), MIXED)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_is_positive(temperature: float) -> None:
    with pytest.raises(FormatError, match="temperature"):
        CompoundNet(**TINY, temperature=temperature)


def test_saved_and_read_back_by_both_runtimes(base: FaceBehaviorNet, tmp_path: Path) -> None:
    network = CompoundNet.of(base, MIXED, temperature=0.15)
    torch.nn.init.normal_(network.residual.weight)
    arguments = json.loads(json.dumps(network.arguments))
    assert json.loads(json.dumps(store.build("compound", arguments).arguments)) == arguments
    saved = store.save(tmp_path / "mine", network, name="mine", zoo="compound", arguments=network.arguments)
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

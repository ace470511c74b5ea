"""Every network in the zoo: forward, gradients, the ONNX twin; the input spec; single-task bodies."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fbn.models import onnx
from fbn.models.bodies.densenet import DenseLayer, DenseNet121
from fbn.models.bodies.residual import Shortcut
from fbn.models.bodies.resnet import Bottleneck
from fbn.models.bodies.vgg import VggFace
from fbn.models.onnx import OnnxNetwork
from fbn.models.spec import InputSpec
from fbn.models.zoo import ZOO, facebehaviornet
from fbn.tasks import ACTION_UNITS

#: Other bodies, whose channels have one factor.
REBODIED = ("vgg-face", "resnet-50", "densenet-121")


@pytest.mark.parametrize(("inputs", "stride"), [(8, 2), (8, 1), (16, 2)])
def test_a_shortcut_is_a_convolution_whatever_its_channels(inputs: int, stride: int) -> None:
    torch.manual_seed(0)
    own, plain = Shortcut(inputs, 24, stride), torch.nn.Conv2d(inputs, 24, 1, stride, bias=False)
    plain.load_state_dict(own.state_dict())
    images = torch.randn(2, inputs, 9, 10)
    found, wanted = own(images), plain(images)
    torch.testing.assert_close(found, wanted)
    for each in (found, wanted):
        each.square().sum().backward()
    torch.testing.assert_close(own.weight.grad, plain.weight.grad)


def test_small_networks_are_trained_without_writing_past_memory() -> None:
    # in a process of its own: where oneDNN's fault is met, it ends with an abort, if at all
    code = (
        "import torch\n"
        "from fbn.models.zoo import facebehaviornet\n"
        "network = facebehaviornet(widths=(8, 16), blocks=(1, 1)).to(memory_format=torch.channels_last)\n"
        "for _ in range(10):\n"
        "    images = torch.randn(8, 3, 112, 112).to(memory_format=torch.channels_last)\n"
        "    network(images).valence_arousal.sum().backward()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", REBODIED)
def test_features_of_other_bodies_are_normed(name: str) -> None:
    torch.manual_seed(0)
    network = ZOO[name](width=1 / 16).train()
    size = network.spec.size
    found = network.features((torch.rand(8, 3, size, size) * 2 - 1) * torch.rand(8, 1, 1, 1))
    torch.testing.assert_close(found.mean(0), torch.zeros(found.shape[1]), atol=1e-4, rtol=0)
    # a channel that nothing passes has none
    spread = found.detach().std(0, correction=0)
    assert float(spread.max()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ZOO)
def test_zoo(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    # its tasks or its body are what differs; small, for speed
    network = ZOO[name](**({"width": 1 / 16} if name in REBODIED else {"widths": (16, 32), "blocks": (2, 1)}))
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d)]
    for norm in norms:
        # where a block begins as its shortcut, nothing before this weight has a gradient
        if norm.affine:
            torch.nn.init.ones_(norm.weight)
    size = network.spec.size
    images = torch.rand(3, 3, size, size) * 2 - 1
    said = network(images)
    assert tuple(said) == network.tasks
    assert all(output.shape == (3, len(task)) for task, output in said.items())
    torch.stack([output.square().sum() for _, output in said.items()]).sum().backward()
    assert not [key for key, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]

    # a trained network's running statistics are not those of a fresh one, nor of one pass, which leave a deep body's
    # outputs in the thousands, where float32 is coarse
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        for _ in range(3):
            # noise alone is the same all over, and what is normed by next to no spread is coarse
            network((torch.rand(8, 3, size, size) * 2 - 1) * torch.rand(8, 1, 1, 1))
    network.eval()
    if network.classes:
        torch.nn.init.normal_(network.compound.residual.weight)
    onnx.export(network, tmp_path / "model.onnx")
    twin = OnnxNetwork(tmp_path / "model.onnx")
    assert twin.spec == network.spec
    assert twin.classes == network.classes
    assert twin.temperature == network.temperature
    for batch in (1, 3):
        with torch.no_grad():
            expected = network(images[:batch])
        actual = twin(images[:batch])
        assert tuple(actual) == tuple(expected) == twin.tasks
        for task, value in expected.items():
            torch.testing.assert_close(actual[task], value, atol=1e-5, rtol=1e-4)


def test_a_fresh_resnet_50_is_its_shortcuts() -> None:
    network = ZOO["resnet-50"](width=1 / 16).eval()
    blocks = [module for module in network.modules() if isinstance(module, Bottleneck)]
    assert len(blocks) == 16
    x = torch.randn(2, 16, 16, 16)
    with torch.no_grad():
        for block in blocks:
            x, before = block(x), x
            torch.testing.assert_close(x, torch.relu(block.shortcut(before)))


def test_densenets_blocks_begin_nearly_as_what_came_into_them() -> None:
    network = DenseNet121(width=1 / 2)
    network.initialise()
    # of each layer, of what lies between blocks, and of the last norm: (maps, those that came into the block)
    norms = [m for m in network.stages if isinstance(m, torch.nn.BatchNorm2d)]
    layers = [m.body[0] for m in network.stages if isinstance(m, DenseLayer)]
    assert len(layers) == 58
    first, second = layers[5], layers[6]
    assert [first.weight[k].item() for k in (0, 31, 32, -1)] == pytest.approx([1, 1, 0.1, 0.1])
    assert first.num_features == 32 + 5 * 16
    assert second.num_features == 64
    assert second.weight.min() == 1
    between, last = norms[1], norms[-1]
    assert [between.weight[k].item() for k in (31, 32)] == pytest.approx([1, 0.1])
    assert last.weight.min() == 1


def test_a_fresh_vgg_face_tells_pictures_apart() -> None:
    torch.manual_seed(0)
    network = VggFace(width=1 / 16, dropout=0.0)
    network.initialise()
    with torch.no_grad():
        maps = network.stages(torch.rand(32, 3, 96, 96) * 2 - 1)
        first = network.full[:4](maps)
        both = network.full(maps)
    # without a norm in a hidden layer, less than half of what pictures share
    for features in (first, both):
        assert features.std(0).norm() > features.mean(0).norm()


def test_outputs_are_one_linear_layer_in_the_papers_order() -> None:
    network = facebehaviornet(widths=(16, 16), blocks=(1, 1)).eval()
    with torch.no_grad():
        network.heads[0].output.weight.zero_()
        network.heads[0].output.bias.copy_(torch.arange(26.0))
    said = network(torch.zeros(1, 3, 112, 112))
    assert said.valence_arousal is not None
    assert said.valence_arousal[0].tolist() == [0, 1]
    assert said.expression_logits is not None
    assert said.expression_logits[0].tolist() == list(range(2, 9))
    assert said.action_unit_logits is not None
    assert said.action_unit_logits[0].tolist() == list(range(9, 26))
    assert network.heads[0].columns(ACTION_UNITS) == slice(9, 26)


def test_columns_of_a_task_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        ZOO["expression"]().head(ACTION_UNITS)


def test_prepare_maps_black_and_white_to_the_ends_and_keeps_the_channels() -> None:
    crops = np.zeros((2, 112, 112, 3), np.uint8)
    crops[1, ..., 0] = 255
    images = InputSpec().prepare(crops)
    assert images.shape == (2, 3, 112, 112)
    assert images.dtype == torch.float32
    assert images[0].unique().tolist() == [-1]
    assert images[1, 0].unique().tolist() == [1]
    assert images[1, 1:].unique().tolist() == [-1]
    swapped = InputSpec(channels="BGR", low=0.0).prepare(torch.from_numpy(crops))
    assert swapped[1, 2].unique().tolist() == [1]
    assert swapped[1, :2].unique().tolist() == [0]


def test_prepare_takes_other_pictures_one_by_one() -> None:
    crops = np.random.default_rng(0).integers(0, 256, (2, 112, 112, 3)).astype(np.uint8)
    expected = InputSpec().prepare(crops)
    shares = torch.from_numpy(crops.astype(np.float32) / 255)
    for same in (list(crops), crops.astype(np.uint16) * 257, shares, shares.permute(0, 3, 1, 2)):
        assert torch.equal(InputSpec().prepare(same), expected)


@pytest.mark.parametrize(
    "crops",
    [
        *(np.zeros((1, 64, 64, 3), np.uint8), np.zeros((112, 112, 3), np.uint8)),
        *(torch.zeros(112, 112, 3), [np.zeros((112, 112, 3)), np.zeros((50, 50, 3))]),
    ],
)
def test_prepare_refuses_other_shapes(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected \\[B, 112, 112, 3\\] uint8"):
        InputSpec().prepare(crops)

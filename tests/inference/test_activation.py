"""Activation maps: they add up to the output, lie where the picture changed, and leave the network as it was."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fbn.inference.activation import activation_maps, output, over, raw_maps
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.models.zoo import facebehaviornet

SIZE = 112
NAMES = ("neutral", "happiness", "AU01", "AU12", "AU6", "valence", "arousal")


@pytest.fixture(scope="module")
def network(model_folder: Path) -> FaceNetwork:
    return store.load(model_folder, "torch")


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_a_map_sums_to_the_output_without_its_bias(network: FaceNetwork, crops: np.ndarray, name: str) -> None:
    said = network(network.spec.prepare(crops))
    bias = output(name)(network.apply_heads(torch.zeros(1, network.body.channels))[0])
    total = torch.from_numpy(raw_maps(network, crops, output(name)).sum((1, 2)))
    torch.testing.assert_close(total, (output(name)(said) - bias).detach(), rtol=1e-4, atol=1e-5)


def test_maps_are_of_the_crops_size_and_range(network: FaceNetwork, crops: np.ndarray) -> None:
    maps = activation_maps(network, crops, output("happiness"))
    assert maps.shape == (3, SIZE, SIZE)
    assert maps.dtype == np.float32
    assert maps.min() == 0
    assert maps.max() <= 1
    assert maps.max() > 0
    assert activation_maps(network, crops[:0], output("happiness")).shape == (0, SIZE, SIZE)


def test_each_picture_has_its_own_map_whatever_the_batch(network: FaceNetwork, crops: np.ndarray) -> None:
    many = np.concatenate([crops] * 12)
    maps = activation_maps(network, many, output("AU12"))
    alone = activation_maps(network, crops[1:2], output("AU12"))[0]
    np.testing.assert_allclose(maps[34], alone, atol=1e-5)


def test_the_map_lies_where_the_output_reads() -> None:
    """A network whose one feature is how bright a place is."""
    network = facebehaviornet(widths=(8, 8), blocks=(1, 1)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.body.stem[0].weight[0].fill_(0.1)
        for block in network.body.stages:
            block.shortcut[0].weight[0, 0] = 1
            for module in block.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.weight.fill_(1)
        network.body.stem[1].weight.fill_(1)
        network.heads[0].output.weight[:, 0] = 1
    crop = np.zeros((1, SIZE, SIZE, 3), np.uint8)
    crop[:, 70:100, 10:40] = 255
    found = activation_maps(network, crop, output("valence"))[0]
    rows, columns = np.nonzero(found > 0.5)
    assert abs(rows.mean() - 85) < 8
    assert abs(columns.mean() - 25) < 8
    with torch.no_grad():
        network.heads[0].output.weight.neg_()
    assert activation_maps(network, crop, output("valence")).max() == 0


def test_the_network_is_left_as_it_was(network: FaceNetwork, crops: np.ndarray) -> None:
    images = network.spec.prepare(crops)
    with torch.inference_mode():
        before = network(images).expression
        activation_maps(network, crops, output("happiness"))
        assert torch.equal(network(images).expression, before)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_an_output_that_is_not_there(network: FaceNetwork, crops: np.ndarray) -> None:
    for name in ("joy", "AU11", "AUx"):
        with pytest.raises(ValueError, match=name):
            output(name)
    with pytest.raises(ValueError, match="does not read valence"):
        activation_maps(facebehaviornet(("expression",), (8, 8), (1, 1)).eval(), crops, output("valence"))


def test_the_picture_is_brightest_where_the_map_is() -> None:
    crop = np.full((SIZE, SIZE, 3), 120, np.uint8)
    shine = np.zeros((SIZE, SIZE), np.float32)
    shine[:40, :40] = 1
    drawn = over(crop, shine)
    assert drawn.shape == crop.shape
    assert drawn.dtype == np.uint8
    assert drawn[20, 20].astype(int).sum() > 1.5 * drawn[80, 80].astype(int).sum()
    assert len(set(drawn[80, 80].tolist())) == 1
    assert (crop == 120).all()

"""A tiny network with random weights in a model folder, exported once: outputs mean nothing, but differ."""

from pathlib import Path

import pytest
import torch

from fbn.inference import FaceAnalyser
from fbn.models import store


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    arguments = {"widths": [8, 8, 16, 16], "blocks": [1, 1, 1, 1]}
    network = store.build("facebehaviornet", arguments)
    torch.nn.init.normal_(network.heads[0].output.weight, std=0.5)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    store.save(folder, network, name="tiny", zoo="facebehaviornet", arguments=arguments)
    return folder


@pytest.fixture(scope="session")
def analyser(model_folder: Path) -> FaceAnalyser:
    return FaceAnalyser(model_folder, detector="cascade")

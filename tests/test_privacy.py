"""Nothing leaves the machine, and no network recognises real people: none is shipped, none can be saved."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fbn.context import Context
from fbn.errors import FbnError
from fbn.models import store
from fbn.models.zoo import facebehaviornet
from fbn.resources import shipped
from fbn.studies import faces_networks
from fbn.studies.faces import FacesRequest
from fbn.tasks import ATTRIBUTES, identity

ROOT = Path(__file__).resolve().parent.parent
READ_A_PICTURE = """
import numpy as np
from fbn.inference import FaceAnalyser
FaceAnalyser(detector="cascade").crops([np.zeros((112, 112, 3), np.uint8)])
"""


def test_the_network_runtime_leaves_no_trace(tmp_path: Path) -> None:
    # a machine of a person's own: the runtime keeps still by itself where CI or pytest are named
    environment = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", READ_A_PICTURE],
        env={**environment, "HOME": str(tmp_path)},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert not left, "device numbers and queued reports are kept in the user's cache"


def test_a_network_that_recognises_people_is_not_saved(tmp_path: Path) -> None:
    tasks = (identity(["7", "9"]), ATTRIBUTES)
    network = facebehaviornet(tasks, widths=(8,), blocks=(1,))
    with pytest.raises(FbnError, match="saves no network that recognises real people"):
        store.save(tmp_path / "who", network, name="who", zoo="facebehaviornet")
    assert not any(tmp_path.iterdir())


def test_the_networks_of_drawn_people_are_not_trained_on_data(tmp_path: Path) -> None:
    request = FacesRequest(data=tmp_path / "celeba")
    with pytest.raises(FbnError, match="a network that recognises real people is not saved"):
        faces_networks.save(request, tmp_path / "out", Context(tmp_path))
    assert not any(tmp_path.iterdir())


def test_their_command_refuses_a_data_set_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["", "-o", str(tmp_path / "out"), "--data", "celeba"])
    with pytest.raises(SystemExit, match="celeba: a network that recognises real people is not saved"):
        faces_networks.main()
    assert not any(tmp_path.iterdir())


def test_what_ships_recognises_drawn_people_alone() -> None:
    """Every shipped network with names of people says that they are drawn, and lies with their card."""
    manifests = list(shipped("assets").rglob(store.MANIFEST))
    assert manifests
    recognising = []
    for path in manifests:
        about = store.manifest(path.parent)
        if any(task.name == "identity" for task in about.tasks):
            assert about.drawn_people, path
            recognising.append(path.parent)
    assert {folder.name for folder in recognising} == {"none", "match"}
    assert {folder.parent for folder in recognising} == {shipped("assets/people")}
    # not offered for photographs
    assert not {folder.name for folder in recognising} & set(store.names())


@pytest.mark.parametrize("file", ["README.md", "assets/people/CARD.md", "fbn/ui/home.py"])
def test_readme_card_and_about_say_so(file: str) -> None:
    words = " ".join((ROOT / file).read_text("utf-8").replace('"', " ").split())
    assert re.search("[Nn]o network (that|here) recognises real people", words)
    assert "drawn" in words or "fbn drew" in words

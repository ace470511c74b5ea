"""The store: what is saved comes back, whole or not at all, and only with the right checksum."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from fbn.errors import ChecksumError, FormatError, MissingFileError
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.models.zoo import BODIES
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL

TINY = {"widths": [16, 16], "blocks": [1, 1]}
IMAGES = torch.linspace(-1, 1, 2 * 3 * 112 * 112).reshape(2, 3, 112, 112)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model, which nobody changes."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    network = store.build("facebehaviornet", TINY)
    store.save(folder, network, name="tiny", zoo="facebehaviornet", arguments=TINY, card="# tiny\n")
    return folder


@pytest.fixture
def models(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with one in it, called tiny."""
    monkeypatch.setenv("FBN_MODELS", str(tmp_path))
    shutil.copytree(tiny, tmp_path / "tiny")
    return tmp_path


def test_both_runtimes_come_back_equal(models: Path) -> None:
    torch_network, onnx_network = store.load("tiny", "torch"), store.load("tiny", "onnx")
    assert isinstance(torch_network, FaceNetwork)
    assert not torch_network.training
    with torch.no_grad():
        expected = torch_network(IMAGES).action_unit_logits
    torch.testing.assert_close(onnx_network(IMAGES).action_unit_logits, expected, atol=1e-5, rtol=1e-4)
    assert "tiny" in store.names()
    assert store.card("tiny") == "# tiny\n"
    assert store.load(models / "tiny").spec == torch_network.spec
    assert store.manifest("tiny").classes == ()
    for network in (torch_network, onnx_network):
        assert network.classes is None
        with torch.no_grad():
            assert network(IMAGES).compound_logits is None


@pytest.mark.parametrize(("runtime", "file"), [("onnx", store.ONNX), ("torch", store.WEIGHTS)])
def test_changed_weights_are_refused(models: Path, runtime: store.Runtime, file: str) -> None:
    path = models / "tiny" / file
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumError, match=f"{file} is not the file its manifest names"):
        store.load("tiny", runtime)


def test_weights_of_another_network_are_named(models: Path) -> None:
    network, path = store.build("facebehaviornet", TINY), models / "tiny" / store.WEIGHTS
    save_file({key: value for key, value in network.state_dict().items() if key != "heads.0.output.bias"}, path)
    about = json.loads((models / "tiny" / store.MANIFEST).read_text())
    about["sha256"][path.name] = store.file_sha256(path)
    (models / "tiny" / store.MANIFEST).write_text(json.dumps(about))
    with pytest.raises(FormatError, match=r"safetensors: weights of another network, .*Missing key.*output\.bias"):
        store.load("tiny", "torch")


def test_what_is_missing_is_named(models: Path) -> None:
    with pytest.raises(MissingFileError, match="no model 'nobody'"):
        store.load("nobody")
    (models / "tiny" / store.ONNX).unlink()
    with pytest.raises(MissingFileError, match=r"model\.onnx is missing"):
        store.load("tiny")


@pytest.mark.parametrize(("field", "value"), [("network", 3), ("unknown", 1), ("input", {"size": "big"})])
def test_broken_manifest_is_named_by_field(models: Path, field: str, value: object) -> None:
    path = models / "tiny" / store.MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(FormatError, match=f"model.json: {field}"):
        store.manifest("tiny")


def test_a_failed_save_leaves_what_was_there(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in (models / "tiny").iterdir()}

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store, "export", fail)
    with pytest.raises(OSError, match="disk full"):
        store.save(models / "tiny", store.build("facebehaviornet", TINY), name="tiny", zoo="facebehaviornet")
    assert {path.name: path.read_bytes() for path in (models / "tiny").iterdir()} == before
    assert [path.name for path in models.iterdir()] == ["tiny"]


def test_saving_again_replaces(models: Path) -> None:
    other = store.build("facebehaviornet", {"widths": [16], "blocks": [1]})
    store.save(models / "tiny", other, name="tiny", zoo="facebehaviornet", arguments={"widths": [16], "blocks": [1]})
    assert store.manifest("tiny").arguments == {"widths": [16], "blocks": [1]}
    assert [path.name for path in models.iterdir()] == ["tiny"]


def test_unknown_networks_and_arguments_are_refused() -> None:
    with pytest.raises(FormatError, match="unknown network 'vgg'"):
        store.build("vgg", {})
    with pytest.raises(FormatError, match="depth"):
        store.build("facebehaviornet", {"depth": 3})


def test_the_onnx_file_tells_nothing_of_this_machine(models: Path) -> None:
    assert str(Path(torch.__file__).parent).encode() not in (models / "tiny" / store.ONNX).read_bytes()


def test_the_users_models_move_with_their_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FBN_MODELS", raising=False)
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    assert store.folders()[0] == tmp_path / "home" / "models"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "file" / "home"))  # cannot be made
    assert store.default() in store.names()
    assert store.find(store.default()).is_dir()


def test_saving_replaces_no_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    store.save(tmp_path / "data", store.build("facebehaviornet", TINY), name="x", zoo="facebehaviornet", arguments=TINY)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "picture.jpg").touch()
    with pytest.raises(FormatError, match="mine: expected a model to replace, or nothing"):
        store.save(tmp_path / "mine", store.build("facebehaviornet", TINY), name="x", zoo="facebehaviornet")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["picture.jpg"]


#: Today's names -> those of files from before a network was a body and heads.
BEFORE = {
    "body.stem.": "stem.",
    "body.stages.": "body.",
    "body.full.": "full.",
    "body.norm.": "norm.",
    "heads.0.output.": "output.",
    "heads.1.residual.": "residual.",
}


@pytest.mark.parametrize(
    ("zoo", "arguments"),
    [
        ("facebehaviornet", TINY),
        ("expression", TINY),
        ("compound", TINY),
        *((name, {"width": 1 / 16}) for name in BODIES),
    ],
)
def test_weights_under_their_older_names_are_the_same_network(
    zoo: str, arguments: dict, models: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    network = store.build(zoo, arguments).eval()
    if network.compound:
        torch.nn.init.normal_(network.compound.residual.weight)
    weights = network.state_dict()
    older = {}
    for key, value in weights.items():
        (now,) = (prefix for prefix in BEFORE if key.startswith(prefix))
        older[BEFORE[now] + key.removeprefix(now)] = value
    assert len(older) == len(weights)
    path = tmp_path / "older.safetensors"
    save_file({key: value.contiguous() for key, value in older.items()}, path)
    again = store.load_weights(store.build(zoo, arguments), load_file(path), path).eval()
    images = IMAGES[..., : network.spec.size, : network.spec.size].contiguous()
    with torch.no_grad():
        expected, found = network(images), again(images)
    assert all(torch.equal(found[task], expected[task]) for task in network.tasks)


def test_the_shipped_weights_say_what_they_said_before_the_names_changed() -> None:
    network = store.load("fbn", "torch")
    with torch.no_grad():
        found = network(IMAGES)
    # noted with the names of 0.7
    expected = {
        EXPRESSION: (-0.17683, -0.32305, -0.4749, 0.73962),
        ACTION_UNITS: (0.23987, 0.048, 0.72897, 0.18283),
        VALENCE_AROUSAL: (-0.11592, 0.65633),
    }
    for task, values in expected.items():
        torch.testing.assert_close(found[task][0, : len(values)], torch.tensor(values), atol=1e-4, rtol=1e-4)

"""Model folders: weights for both runtimes, a manifest with checksums, and a model card.

``<name>/`` holds ``model.safetensors``, ``model.onnx``, ``model.json`` (the manifest) and ``CARD.md``.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fbn.errors import ChecksumError, FbnError, FormatError, MissingFileError, readable_errors
from fbn.models.network import FaceNetwork
from fbn.models.onnx import OnnxNetwork, export
from fbn.models.spec import InputSpec
from fbn.models.zoo import ZOO
from fbn.resources import data_folder, make_folder, shipped
from fbn.tasks import IDENTITY, TaskField

WEIGHTS, ONNX, MANIFEST, CARD = "model.safetensors", "model.onnx", "model.json", "CARD.md"
Runtime = Literal["onnx", "torch"]


class Manifest(BaseModel):
    """Metadata of a model folder.

    Attributes:
        network: name in ``ZOO``; ``arguments`` are passed to its constructor.
        classes: the compound expressions that it predicts, in order; empty without such a head.
        sha256: file name -> checksum.
        recipe: the complete training recipe.
        checkpoints: checkpoints of that training, from which the weights are; of several, their mean.
        metrics: by split, data set and metric, as ``fbn evaluate`` writes them.
        terms: training data source -> its terms of use.
        drawn_people: whether it recognises people, all of them drawn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    network: str
    arguments: dict[str, Any] = {}
    input: InputSpec = InputSpec()
    tasks: tuple[TaskField, ...]
    outputs: tuple[str, ...]
    classes: tuple[str, ...] = ()
    sha256: dict[str, str]
    recipe: dict[str, Any] = {}
    checkpoints: tuple[str, ...] = ("best",)
    git_sha: str = ""
    date: str = ""
    metrics: dict[str, Any] = {}
    terms: dict[str, str] = {}
    drawn_people: bool = False


def folders() -> tuple[Path, ...]:
    """List the folders of models, in search order: ``FBN_MODELS``, the user's data folder (``FBN_HOME``), fbn's."""
    found = [Path(os.environ["FBN_MODELS"])] if os.environ.get("FBN_MODELS") else []
    found.append(data_folder("models"))
    with contextlib.suppress(MissingFileError):  # a source checkout may lack it
        found.append(shipped("assets/models"))
    return tuple(found)


def names() -> tuple[str, ...]:
    """List the names of all models, the default first."""
    found = {path.parent.name for folder in folders() for path in folder.glob(f"*/{MANIFEST}")}
    return tuple(sorted(found, key=lambda name: (name != default(), name)))


def default() -> str:
    """Return the name of the default model."""
    return "fbn"


def find(name_or_path: str | Path) -> Path:
    """Return the folder of a model given by name or path.

    Raises:
        MissingFileError: there is no such model.
    """
    for folder in (Path(name_or_path), *(root / str(name_or_path) for root in folders())):
        if os.path.isfile(folder / MANIFEST):  # Path.is_file raises in an inaccessible folder
            return folder
    raise MissingFileError(
        f"no model {str(name_or_path)!r}: expected a folder with {MANIFEST}, or one of {list(names())} "
        f"(looked in {', '.join(str(folder) for folder in folders())})"
    )


def manifest(name_or_path: str | Path) -> Manifest:
    """Read the manifest of a model.

    Raises:
        MissingFileError: there is no such model.
        FormatError: the manifest is invalid.
    """
    path = find(name_or_path) / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text())
    except ValidationError as error:
        raise FormatError(f"{path}: {readable_errors(error, 'the file')}") from error


def card(name_or_path: str | Path) -> str:
    """Read the card of a model, Markdown."""
    return (find(name_or_path) / CARD).read_text()


def load(name_or_path: str | Path, runtime: Runtime = "onnx", threads: int = 1) -> OnnxNetwork | FaceNetwork:
    """Load a network, which maps [B, 3, H, W] images to ``Predictions``.

    Args:
        name_or_path: one of ``names()``, or a model folder.
        runtime: onnxruntime, or torch in evaluation mode (with gradients enabled).
        threads: number of threads of onnxruntime; torch has a process-wide setting.

    Raises:
        MissingFileError: there is no such model, or its weights are missing.
        FormatError: the manifest is invalid, or the weights do not fit the network.
        ChecksumError: the weights have another checksum than in the manifest.
    """
    folder, about = find(name_or_path), manifest(name_or_path)
    path = folder / (ONNX if runtime == "onnx" else WEIGHTS)
    if not path.is_file():
        raise MissingFileError(f"{path} is missing: the model {about.name!r} is incomplete")
    if (actual := file_sha256(path)) != about.sha256.get(path.name):
        raise ChecksumError(
            f"{path} is not the file its manifest names: sha256 {actual[:12]}..., "
            f"expected {about.sha256.get(path.name, 'none')[:12]}...; fetch or export the model again"
        )
    if runtime == "onnx":
        return OnnxNetwork(path, threads=threads)
    network = build(about.network, about.arguments)
    return load_weights(network, load_file(path), path).eval()


def build(network: str, arguments: dict[str, Any]) -> FaceNetwork:
    """Construct a network by its name in the zoo, with initial weights.

    Raises:
        FormatError: an unknown name, or invalid arguments of its constructor.
    """
    if network not in ZOO:
        raise FormatError(f"unknown network {network!r}: expected one of {list(ZOO)}")
    try:
        return ZOO[network](**arguments)
    except (TypeError, ValueError) as error:
        raise FormatError(f"network {network!r} with {arguments}: {error}") from error


#: Prefixes of weight names before version 0.8 -> current ones.
_RENAMED = {
    "stem.": "body.stem.",
    "body.": "body.stages.",
    "full.": "body.full.",
    "norm.": "body.norm.",
    "output.": "heads.0.output.",
    "residual.": "heads.1.residual.",
}


def rename_weights(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Rename the weights of a file from before version 0.8 to the current names."""
    if "output.weight" not in weights:
        return weights
    return {_RENAMED[(old := f"{key.split('.')[0]}.")] + key.removeprefix(old): value for key, value in weights.items()}


def load_weights(network: FaceNetwork, weights: Mapping[str, Tensor], path: Path) -> FaceNetwork:
    """Load weights into a network and return it.

    Args:
        network: the network.
        weights: name -> tensor.
        path: path of the file, for error messages.

    Raises:
        FormatError: the weights do not fit the network.
    """
    try:
        network.load_state_dict(rename_weights(weights))
    except RuntimeError as error:
        # PyTorch's first line contains the class name only
        problem = " ".join(str(error).split("\n", 1)[-1].split())
        raise FormatError(
            f"{path}: weights of another network, or of another version of fbn ({problem[:200]}); train or export anew"
        ) from None
    return network


def save(
    folder: Path,
    network: FaceNetwork,
    *,
    name: str,
    zoo: str,
    arguments: dict[str, Any] | None = None,
    card: str = "",
    **about: Any,
) -> Manifest:
    """Write a model folder atomically; an existing model is replaced.

    Args:
        folder: the model folder, ``.../<name>``.
        network: the trained network.
        name: name of the model.
        zoo: name of the constructor in ``ZOO``, called with ``arguments``.
        card: the model card, Markdown.
        about: further fields of ``Manifest``: recipe, git_sha, date, metrics, terms, drawn_people.

    Raises:
        FormatError: ``folder`` exists and is not a model.
        FbnError: the network recognises people and ``drawn_people`` is not set, or the folder cannot be created.
    """
    if any(task.name == IDENTITY for task in network.tasks) and not about.get("drawn_people"):
        raise FbnError(
            f"{name}: this network recognises people. fbn saves no network that recognises real people; if all of "
            "them are drawn, pass drawn_people=True"
        )
    folder = folder.resolve()
    check_folder(folder)
    make_folder(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        save_file({key: value.contiguous() for key, value in network.state_dict().items()}, new / WEIGHTS)
        export(network, new / ONNX)
        result = Manifest(
            name=name,
            network=zoo,
            arguments=arguments or {},
            input=network.spec,
            tasks=network.tasks,
            outputs=OnnxNetwork(new / ONNX).outputs,
            classes=network.classes.classes if network.classes else (),
            sha256={file: file_sha256(new / file) for file in (WEIGHTS, ONNX)},
            **about,
        )
        (new / MANIFEST).write_text(result.model_dump_json(indent=1) + "\n")
        (new / CARD).write_text(card)
        if folder.exists():
            os.replace(folder, Path(temporary) / "old")
        os.replace(new, folder)
    return result


def check_folder(folder: Path) -> None:
    """Check that ``save`` may write to a folder, before a long computation.

    Raises:
        FormatError: it contains something other than a model.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file()):
        raise FormatError(f"{folder}: expected a model to replace, or nothing; it holds something else and stays")


def file_sha256(path: Path) -> str:
    """Compute the hexadecimal SHA-256 checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Trained networks as folders: weights for both runtimes, a manifest with their checksums, a card in words.

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

from fbn.errors import ChecksumError, FormatError, MissingFileError
from fbn.models.network import FaceNetwork
from fbn.models.onnx import OnnxNetwork, export
from fbn.models.spec import InputSpec
from fbn.models.zoo import ZOO
from fbn.resources import data_folder, make_folder, shipped
from fbn.tasks import TaskField

WEIGHTS, ONNX, MANIFEST, CARD = "model.safetensors", "model.onnx", "model.json", "CARD.md"
Runtime = Literal["onnx", "torch"]


class Manifest(BaseModel):
    """What a model folder says of itself.

    Attributes:
        network: name in ``ZOO``; ``arguments`` are passed to its constructor.
        classes: the compound expressions it has logits for, in order; none for most.
        sha256: checksum by file name.
        recipe: the recipe it was trained by, complete.
        checkpoints: of that training, whose weights these are; of several, the mean.
        metrics: measured figures by part, set and metric, as ``fbn evaluate`` writes them.
        terms: what it was trained on -> the terms of that source.
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


def folders() -> tuple[Path, ...]:
    """Where models are looked for, in order: ``FBN_MODELS``, the user's data folder (``FBN_HOME``), what is shipped."""
    found = [Path(os.environ["FBN_MODELS"])] if os.environ.get("FBN_MODELS") else []
    found.append(data_folder("models"))
    with contextlib.suppress(MissingFileError):  # a checkout from before the first training has none
        found.append(shipped("assets/models"))
    return tuple(found)


def names() -> tuple[str, ...]:
    """Names of all models found, the default first."""
    found = {path.parent.name for folder in folders() for path in folder.glob(f"*/{MANIFEST}")}
    return tuple(sorted(found, key=lambda name: (name != default(), name)))


def default() -> str:
    """Name of the model that is used where none is asked for."""
    return "fbn"


def find(name_or_path: str | Path) -> Path:
    """The folder of a model given by name or by path.

    Raises:
        MissingFileError: there is none.
    """
    for folder in (Path(name_or_path), *(root / str(name_or_path) for root in folders())):
        if os.path.isfile(folder / MANIFEST):  # Path.is_file raises in a home that may not be entered
            return folder
    raise MissingFileError(
        f"no model {str(name_or_path)!r}: expected a folder with {MANIFEST}, or one of {list(names())} "
        f"(looked in {', '.join(str(folder) for folder in folders())})"
    )


def manifest(name_or_path: str | Path) -> Manifest:
    """A model's manifest.

    Raises:
        MissingFileError: there is no such model.
        FormatError: its manifest is not what ``save`` writes.
    """
    path = find(name_or_path) / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_text())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise FormatError(f"{path}: {field}: {first['msg']}") from error


def card(name_or_path: str | Path) -> str:
    """A model's card, Markdown."""
    return (find(name_or_path) / CARD).read_text()


def load(name_or_path: str | Path, runtime: Runtime = "onnx", threads: int = 1) -> OnnxNetwork | FaceNetwork:
    """A network ready to predict: called with [B, 3, H, W] images it returns ``Predictions``.

    Args:
        name_or_path: a name out of ``names()``, or a model folder.
        runtime: onnxruntime, or torch in evaluation mode (with gradients, should a caller want them).
        threads: of onnxruntime; torch has a process-wide setting.

    Raises:
        MissingFileError: there is no such model, or it lacks its weights.
        FormatError: its manifest is broken, or its weights are another network's.
        ChecksumError: the weights are not those that the manifest names.
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
    """A network by its name in the zoo, with fresh weights.

    Raises:
        FormatError: an unknown name, or arguments its constructor does not take.
    """
    if network not in ZOO:
        raise FormatError(f"unknown network {network!r}: expected one of {list(ZOO)}")
    try:
        return ZOO[network](**arguments)
    except (TypeError, ValueError) as error:
        raise FormatError(f"network {network!r} with {arguments}: {error}") from error


#: Where weights were before a network was a body and heads -> where they are.
_MOVED = {
    "stem.": "body.stem.",
    "body.": "body.stages.",
    "full.": "body.full.",
    "norm.": "body.norm.",
    "output.": "heads.0.output.",
    "residual.": "heads.1.residual.",
}


def moved(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights under today's names, also of a file from before 0.8."""
    if "output.weight" not in weights:
        return weights
    return {_MOVED[(first := f"{key.split('.')[0]}.")] + key.removeprefix(first): own for key, own in weights.items()}


def load_weights(network: FaceNetwork, weights: Mapping[str, Tensor], path: Path) -> FaceNetwork:
    """The network with weights out of a file.

    Raises:
        FormatError: they are another network's.
    """
    try:
        network.load_state_dict(moved(weights))
    except RuntimeError as error:
        # PyTorch's first line names the class alone
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
    """Write a model folder whole or not at all; one that stands there is replaced.

    Args:
        folder: the model folder itself, ``.../<name>``.
        network: its weights.
        name: what it is called.
        zoo: name of its constructor in ``ZOO``, called with ``arguments``.
        card: the model card, Markdown.
        about: further fields of ``Manifest``: recipe, git_sha, date, metrics, terms.

    Raises:
        FormatError: what stands there is no model.
        FbnError: the folder cannot be made.
    """
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
    """Refuse a folder that ``save`` must not replace, before the work is done.

    Raises:
        FormatError: it holds something that is no model.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).is_file()):
        raise FormatError(f"{folder}: expected a model to replace, or nothing; it holds something else and stays")


def file_sha256(path: Path) -> str:
    """Hexadecimal checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

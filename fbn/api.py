"""The functions of ``import fbn`` that train, evaluate and load networks; the commands of the same names call them.

Libraries are imported inside the functions: loading a network does not import Lightning, for example.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from fbn.fewshot.request import Result, Strategy
    from fbn.inference.analyser import Model
    from fbn.models.network import FaceNetwork
    from fbn.models.onnx import OnnxNetwork
    from fbn.models.spec import InputSpec
    from fbn.relatedness import RelatednessTable
    from fbn.training.evaluate import Report
    from fbn.training.recipe import Recipe


@overload
def load(name: str | Path = "fbn", runtime: Literal["torch"] = "torch") -> "tuple[FaceNetwork, InputSpec]": ...
@overload
def load(name: str | Path, runtime: Literal["onnx"], threads: int = 1) -> "tuple[OnnxNetwork, InputSpec]": ...
def load(
    name: str | Path = "fbn", runtime: Literal["torch", "onnx"] = "torch", threads: int = 1
) -> "tuple[FaceNetwork | OnnxNetwork, InputSpec]":
    """Load a trained network and the description of its input.

    Args:
        name: name or folder of a model, or the folder of a training run (its best epoch, without the calibration that
            ``fbn export`` adds).
        runtime: ``"torch"``, in evaluation mode, or ``"onnx"`` (onnxruntime on the CPU). They give the same results; a
            training run supports ``"torch"`` only.
        threads: number of threads of onnxruntime.

    Returns:
        The network, which takes [B, 3, size, size] float32 images and returns ``Predictions`` of batch shape [B], and
        its ``InputSpec``, whose ``prepare`` makes such images of aligned [B, size, size, 3] uint8 RGB crops.

    Raises:
        MissingFileError: the model or run does not exist, or has no weights.
        FormatError: its files are invalid, or ``runtime`` is ``"onnx"`` for a training run.
        ChecksumError: the weights do not match the model's manifest.

    Example:
        >>> import fbn
        >>> import numpy as np
        >>> network, spec = fbn.load("fbn")
        >>> spec.size, spec.channels
        (112, 'RGB')
        >>> predictions = network(spec.prepare(np.zeros((2, 112, 112, 3), np.uint8)))
        >>> tuple(predictions.expression.shape), tuple(predictions.action_units.shape)
        ((2, 7), (2, 17))
    """
    from fbn.errors import FormatError
    from fbn.models import store

    network: FaceNetwork | OnnxNetwork
    if _is_run(name):
        from fbn.training.publish import load_run

        if runtime == "onnx":
            raise FormatError(f"{name}: a training run is loaded by torch; fbn export makes an ONNX model of it")
        network = load_run(Path(name))
    else:
        network = store.load(name, runtime, threads)
    return network, network.spec


def train(
    recipe: "str | Path | Recipe",
    data: str | Path,
    out: str | Path | None = None,
    *,
    resume: bool = False,
    devices: int = 1,
    workers: int = 1,
    progress: bool = True,
    **changes: Any,
) -> Path:
    """Train a network as a recipe describes; checkpoints and logs go to the run folder.

    Args:
        recipe: name of a shipped recipe, a YAML file, or a ``Recipe``.
        data: folder of the data sets, each a folder or a zip in its official layout.
        out: the run folder; ``runs/<recipe>`` by default.
        resume: resume after the last finished epoch in ``out``.
        devices: number of GPUs, or of processes on a CPU.
        workers: number of data loading processes for each device; 0 loads data in this process.
        progress: show a progress bar.
        changes: fields of the recipe to change; a mapping changes only the keys that it names.

    Returns:
        The run folder, which ``fbn.load`` and ``fbn.evaluate`` take; ``checkpoints/best.ckpt`` in it is the best epoch.

    Raises:
        MissingFileError: the recipe does not exist.
        FbnError: the data or the recipe cannot be used, or ``out`` contains another run.

    Example:
        >>> import fbn, tempfile
        >>> from pathlib import Path
        >>> root = Path(tempfile.mkdtemp())
        >>> fbn.synth("ferplus", root / "data" / "ferplus", count=60)
        >>> only = {"ferplus": 8, "affectnet": 0, "ckplus": 0}
        >>> run = fbn.train("smoke", root / "data", root / "run", per_step=only, epochs=1, workers=0, progress=False)
        aligning ferplus ... score ...
        >>> network, spec = fbn.load(run)
        >>> report = fbn.evaluate(run, root / "data", part="valid", rounds=10, progress=False)
        >>> sorted(report["sets"]["ferplus"]["figures"])
        ['accuracy', 'mean_diagonal']
    """
    from fbn.training import recipe as recipes
    from fbn.training import run

    chosen = recipe if isinstance(recipe, recipes.Recipe) else recipes.read(recipe)
    if changes:
        chosen = recipes.change(chosen, changes)
    folder = Path("runs") / chosen.name if out is None else Path(out)
    return run.train(chosen, Path(data), folder, resume=resume, devices=devices, workers=workers, progress=progress)


def evaluate(
    model: "Model",
    data: str | Path,
    part: str = "test",
    *,
    sets: Sequence[str] | None = None,
    flip: bool = False,
    rounds: int = 1000,
    progress: bool = True,
) -> "Report":
    """Evaluate a network on held-out pictures, cropped and predicted as in ``fbn.analyse(..., crops=True)``.

    Args:
        model: name or folder of a model, the folder of a training run, or a network.
        data: folder of the data sets.
        part: split to evaluate on: ``"test"``, or ``"valid"`` for model selection.
        sets: names of data sets; by default all of ``fbn.data.corpus.MEASURED`` that ``data`` contains.
        flip: average the predictions of each crop and its mirror image.
        rounds: number of bootstrap samples for the intervals.
        progress: show a progress bar.

    Returns:
        A dict that ``json`` can write: ``model``, ``part``, ``date``, ``git_sha``, ``flip``, ``score`` (mean of the
        metrics), ``skipped`` (missing data sets) and ``sets``: data set -> ``pictures`` and ``figures``: metric ->
        ``value``, ``low`` and ``high`` (95 % interval) and ``chance``.

    Raises:
        FbnError: ``data`` contains no data set, one cannot be read, or the model does not exist.
        ValueError: ``part`` is neither ``"test"`` nor ``"valid"``.

    Example:
        >>> import fbn, tempfile
        >>> from pathlib import Path
        >>> root = Path(tempfile.mkdtemp())
        >>> fbn.synth("ferplus", root / "ferplus", count=60)
        >>> report = fbn.evaluate("fbn", root, sets=["ferplus"], progress=False)
        >>> accuracy = report["sets"]["ferplus"]["figures"]["accuracy"]
        >>> accuracy["low"] <= accuracy["value"] <= accuracy["high"]
        True
    """
    from fbn.data.corpus import MEASURED
    from fbn.training import evaluate as evaluation

    if part not in ("test", "valid"):
        raise ValueError(f"part {part!r}: expected test or valid")
    name = None
    if isinstance(model, str | Path) and _is_run(model):
        from fbn.training.run import read_run_recipe

        name, model = read_run_recipe(Path(model)).name, load(model)[0]
    return evaluation.evaluate(
        Path(data), model, part, sets=sets or MEASURED, flip=flip, rounds=rounds, progress=progress, name=name
    )


def few_shot(
    data: str | Path,
    out: str | Path | None = None,
    *,
    save: str | None = None,
    overwrite: bool = False,
    classes: str | None = None,
    strategy: "Strategy" = "probe",
    shots: int | None = None,
    model: str | Path = "fbn",
    curve: "Strategy | None" = "probe",
    draws: int = 5,
    folds: int = 5,
    crops: bool | None = None,
    seed: int = 0,
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> "Result":
    """Learn compound expressions from a few labelled pictures, starting from the zero-shot scores, and evaluate.

    Args:
        data: folder or zip: RAF-DB's compound layout, ``labels.csv`` (file, class) and pictures, or a folder for each
            class.
        out: folder for the results and the misclassified pictures; after an interruption the same call resumes. None
            writes no files.
        save: save as a model of this name, for ``fbn.FaceAnalyser`` and ``fbn.analyse``; None only evaluates.
        overwrite: replace an existing model of that name.
        classes: ``"rafdb"``, ``"emotionet"``, ``"du2014"``, or a relatedness table with compound rows; None: the
            classes of the data.
        strategy: trained part of the network: ``"probe"`` (a linear layer, seconds), ``"last_block"`` or ``"whole"``.
        shots: number of training pictures for each class; None: all, 0: none (zero-shot).
        model: name or folder of the model to start from.
        curve: strategy of the learning curve; None computes no curve.
        draws: number of random training samples for each point of the learning curve.
        folds: number of cross-validation folds, for data without a test split.
        crops: keep pictures without a visible face (True) or leave them out (False); None keeps them only for
            RAF-DB's layout, whose pictures are crops.
        seed: random seed of samples, folds and training.
        progress: called with the progress in [0, 1] and a message.
        cancelled: called repeatedly; the work stops once it returns True.

    Returns:
        A dict that ``json`` can write: ``figures`` and ``zero_shot`` with their intervals, ``confusion``, ``curve``,
        ``notes`` and more; see ``fbn.fewshot.request.Result``.

    Raises:
        FbnError: the data, an argument or the model cannot be used, the name is taken, or ``out`` contains results of
            other arguments.
        Cancelled: ``cancelled`` returned True.

    Example:
        >>> import fbn, tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp()) / "faces"
        >>> fbn.synth("rafdb-compound", folder, count=66)
        >>> result = fbn.few_shot(folder, curve=None)
        >>> len(result["classes"]), result["measurement"]
        (11, 'test')
        >>> 0 <= result["figures"]["mean_diagonal"]["value"] <= 1
        True
    """
    from fbn.context import Context, alone_in
    from fbn.fewshot.learn import FewShot
    from fbn.fewshot.learn import few_shot as learn
    from fbn.jobs.kinds import parse

    request = parse(
        "fewshot",
        {
            "data": str(Path(data).resolve()),
            "classes": classes,
            "strategy": strategy,
            "shots": shots,
            "model": str(model),
            "name": save,
            "overwrite": overwrite,
            "folds": folds,
            "draws": draws,
            "curve": curve,
            "crops": crops,
            "seed": seed,
        },
    )
    assert isinstance(request, FewShot)
    with (
        tempfile.TemporaryDirectory(prefix="fbn-") if out is None else nullcontext(out) as folder,
        alone_in(Path(folder)),
    ):
        return learn(
            request,
            Context(Path(folder), progress or (lambda fraction, message: None), cancelled or (lambda: False)),
        )


def synth(
    layout: str,
    out: str | Path,
    count: int = 1000,
    *,
    seed: int = 0,
    table: "str | Path | RelatednessTable" = "du2014",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Render labelled synthetic faces and write them in the layout of a published data set.

    Args:
        layout: a key of ``fbn.synthetic.layouts.LAYOUTS``, such as ``"ckplus"``, ``"ferplus"``, ``"affectnet"`` or
            ``"rafdb-compound"``.
        out: folder to create; must be empty or not exist. Training and evaluation find a data set by the name of its
            folder, ``<data>/<layout>``.
        count: number of pictures.
        seed: random seed of people and pictures.
        table: relatedness table (expressions and their action units): a built-in or saved name, a file, or a table.
        progress: called with the number of items rendered so far.

    Raises:
        FormatError: an unknown layout, a table without rows for its classes, or ``out`` is not empty.

    Example:
        >>> import fbn, tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp()) / "ckplus"
        >>> fbn.synth("ckplus", folder, count=4)
        >>> (folder / "table.json").is_file()
        True
    """
    from fbn.relatedness import RelatednessTable, resolve
    from fbn.synthetic.layouts import Item, world_of, write_set

    def watch(items: Iterator[Item]) -> Iterator[Item]:
        for number, item in enumerate(items, start=1):
            yield item
            if progress:
                progress(number)

    chosen = table if isinstance(table, RelatednessTable) else resolve(str(table))
    write_set(layout, Path(out), world_of(layout, chosen, seed), count, watch)


def _is_run(path: str | Path) -> bool:
    # equal to fbn.training.run.RECIPE, whose import takes seconds
    return os.path.isfile(Path(path) / "recipe.yaml")

"""The functions of ``import fbn`` that train, measure and load networks; the commands of the same names call them.

Libraries are imported inside the functions: loading a network needs no Lightning, drawing faces no network.
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
    """A trained network, and what its input must be.

    Args:
        name: name or folder of a model, or the folder of a training run (its best epoch, without the calibration that
            ``fbn export`` adds).
        runtime: ``"torch"``, in evaluation mode, or ``"onnx"`` (onnxruntime on the CPU). They give the same results; a
            run's folder has ``"torch"`` alone.
        threads: of onnxruntime.

    Returns:
        The network, which takes [B, 3, size, size] float32 images and returns ``Predictions`` of batch shape [B], and
        its ``InputSpec``, whose ``prepare`` makes such images of aligned [B, size, size, 3] uint8 RGB crops.

    Raises:
        MissingFileError: there is no such model or run, or it lacks its weights.
        FormatError: it is broken, or a run was asked for with onnxruntime.
        ChecksumError: the weights are not those that the model's manifest names.

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
    """Train a network by a recipe; checkpoints and logs go to the run folder.

    Args:
        recipe: name of a shipped recipe, a YAML file, or a ``Recipe``.
        data: folder of the data sets, each a folder or a zip in its official layout.
        out: the run folder; ``runs/<recipe>`` by default.
        resume: go on after the last epoch that ``out`` holds.
        devices: GPUs, or processes on a CPU.
        workers: processes that make batches, for each device; 0 makes them in this process.
        progress: draw a progress bar.
        changes: other values for fields of the recipe; a mapping changes the keys that it names.

    Returns:
        The run folder, which ``fbn.load`` and ``fbn.evaluate`` take; ``checkpoints/best.ckpt`` in it is the best epoch.

    Raises:
        MissingFileError: there is no such recipe.
        FbnError: the data or the recipe cannot be used, or ``out`` holds another run.

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
    """Measure a network on held-out pictures, cut and read as ``fbn.analyse(..., crops=True)`` does.

    Args:
        model: name or folder of a model, the folder of a training run, or a network.
        data: folder of the data sets.
        part: ``"test"``, or ``"valid"`` while choosing between networks.
        sets: which; by default all of ``fbn.data.corpus.MEASURED`` that are there.
        flip: average each crop with its mirror.
        rounds: draws of the bootstrap intervals.
        progress: draw a progress bar.

    Returns:
        A dict that ``json`` can write: ``model``, ``part``, ``date``, ``git_sha``, ``flip``, ``score`` (mean of the
        figures), ``skipped`` (sets that are not there) and ``sets``: set -> ``pictures`` and ``figures``: name ->
        ``value``, ``low`` and ``high`` (95 % interval) and ``chance``.

    Raises:
        FbnError: no set is there, one that is there cannot be read, or the model is missing.
        ValueError: another part.

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
    """Learn compound expressions from a few labelled pictures, beginning with the zero-shot scores, and measure.

    Args:
        data: folder or zip: RAF-DB's compound layout, ``labels.csv`` (file, class) and pictures, or a folder for each
            class.
        out: folder for the results and the pictures named wrongly; interrupted, the same call goes on there. None
            keeps no files.
        save: save as a model of this name, which ``fbn.FaceAnalyser`` and ``fbn.analyse`` then take; None measures
            only.
        overwrite: replace a model of that name.
        classes: ``"rafdb"``, ``"emotionet"``, ``"du2014"``, or a relatedness table with compound rows; the data's own
            classes where None.
        strategy: what learns: ``"probe"`` (a linear layer, seconds), ``"last_block"`` or ``"whole"``.
        shots: pictures of each class to learn from; None: all, 0: none, which is zero-shot.
        model: name or folder of the model to begin from.
        curve: the strategy that the learning curve is of; None draws none.
        draws: of the pictures at each point of the learning curve.
        folds: parts of cross-validation, for data without a test part.
        crops: keep pictures without a visible face (True) or leave them out (False); None keeps them in RAF-DB's
            layout alone, whose pictures are crops.
        seed: of draws, folds and trainings.
        progress: called with the share done, in [0, 1], and what is being done.
        cancelled: asked now and then; where it returns True the work ends.

    Returns:
        A dict that ``json`` can write: ``figures`` and ``zero_shot`` with their intervals, ``confusion``, ``curve``,
        ``notes`` and more; see ``fbn.fewshot.request.Result``.

    Raises:
        FbnError: the data, an argument or the model cannot be used, the name is taken, or ``out`` holds the results of
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
            Context(Path(folder), progress or (lambda share, words: None), cancelled or (lambda: False)),
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
    """Draw labelled synthetic faces and write them as a data set that looks like a real one's release.

    Args:
        layout: whose: a key of ``fbn.synthetic.layouts.LAYOUTS``, such as ``"ckplus"``, ``"ferplus"``, ``"affectnet"``
            or ``"rafdb-compound"``.
        out: folder to make; must be empty or not there. Training and evaluation find a set by the name of its folder,
            ``<data>/<layout>``.
        count: pictures.
        seed: another seed, other people and pictures.
        table: which expression shows which action unit: a built-in or saved name, a file, or a table.
        progress: called with the number of items drawn so far.

    Raises:
        FormatError: an unknown layout, a table without rows for its classes, or ``out`` holds something.

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
    # the name of fbn.training.run.RECIPE: importing that takes seconds
    return os.path.isfile(Path(path) / "recipe.yaml")

"""Export a run folder as a model folder: averaged weights of the best epoch, calibrated and evaluated."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from fbn.data.corpus import load_corpus
from fbn.errors import MissingFileError
from fbn.inference.analyser import FaceAnalyser
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.records import Annotations
from fbn.tasks import ACTION_UNITS
from fbn.training import calibrate, card
from fbn.training.evaluate import evaluate, predict
from fbn.training.figures import scored_rows
from fbn.training.recipe import Recipe
from fbn.training.run import BEST, ORIGIN, read_run_recipe

_CALIBRATION_SET = "ckplus"


def load_run(run: Path, checkpoints: Sequence[str] = (BEST,)) -> FaceNetwork:
    """Load the network with the averaged weights of a run's checkpoint, or with the mean of several.

    The mean over epochs of one run generalises better than single epochs (Izmailov et al., *Averaging Weights Leads to
    Wider Optima and Better Generalization*, 2018).

    Raises:
        MissingFileError: the checkpoint does not exist.
        FormatError: it is of another network.
    """
    states = [_weights(run / checkpoint) for checkpoint in checkpoints]
    recipe = read_run_recipe(run)
    network = store.build(recipe.network, recipe.network_args)
    mean = {
        name: torch.stack([state[name] for state in states]).mean(0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }
    return store.load_weights(network, mean, run / checkpoints[0]).eval()


def _weights(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise MissingFileError(f"{path}: the run has no checkpoint yet")
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    prefix = "network."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def publish(
    run: Path, folder: Path, name: str, data_root: Path | None = None, checkpoints: Sequence[str] = (BEST,)
) -> store.Manifest:
    """Write the model folder of a run.

    Args:
        run: run folder of ``fbn train``.
        folder: model folder to write.
        name: name of the model.
        data_root: the data sets, to calibrate on the validation split and to evaluate on validation and test; None: the
            model is neither calibrated nor evaluated.
        checkpoints: checkpoints of the run, whose weights are used; of several, the mean.

    Raises:
        FbnError: the run or the data cannot be read, or ``folder`` holds something other than a model.
    """
    store.check_folder(folder)
    network, recipe = load_run(run, checkpoints), read_run_recipe(run)
    about: dict[str, Any] = {
        "name": name,
        "zoo": recipe.network,
        "arguments": recipe.network_args,
        "recipe": _without_folders(recipe),
        "checkpoints": tuple(Path(checkpoint).stem for checkpoint in checkpoints),
        **json.loads((run / ORIGIN).read_text()),
        "terms": {source: card.TERMS.get(source, card.UNKNOWN_TERMS) for source in recipe.sets},
    }
    reports: dict[str, dict[str, Any]] = {}
    if data_root:
        with tempfile.TemporaryDirectory() as temporary:
            draft = Path(temporary) / name
            store.save(draft, network, **about)
            if ACTION_UNITS in network.tasks:
                _calibrate(network, draft, data_root)
                store.save(draft, network, **about)
            reports = {part: evaluate(data_root, draft, part) for part in ("valid", "test")}
    text = card.write(name, recipe, reports, about["git_sha"], about["date"], about["checkpoints"])
    return store.save(folder, network, card=text, metrics=reports, **about)


def _without_folders(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe for publication, with the names of files and models instead of their paths."""
    values = recipe.model_dump(mode="json")
    for field in ("init", "silver", "table"):
        if isinstance(values[field], str):
            values[field] = Path(values[field]).name
    return values | {"teacher": [Path(teacher).name for teacher in recipe.teacher]}


def _calibrate(network: FaceNetwork, draft: Path, data_root: Path) -> None:
    samples = load_corpus(data_root, (_CALIBRATION_SET,)).samples["valid"]
    samples = tuple(samples[row] for row in scored_rows(samples))
    logits = predict(FaceAnalyser(draft), samples).action_unit_logits
    assert logits is not None
    labels = Annotations.stack([sample.annotations for sample in samples])
    scale, shifts = calibrate.fit_shifts(logits, labels)
    scaled = logits * scale + torch.from_numpy(shifts).float()
    calibrate.fold(network, scale, shifts + calibrate.decision_shift(scaled, labels))

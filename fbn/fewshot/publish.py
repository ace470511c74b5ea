"""Outputs of few-shot learning: the saved model with its card, and the misclassified pictures."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from fbn.data.augment import centre
from fbn.errors import FormatError
from fbn.faces.pictures import png_bytes
from fbn.fewshot.features import FewShotData
from fbn.fewshot.probe import IntArray
from fbn.fewshot.request import FewShot, Figure, Wrong
from fbn.inference.activation import activation_maps, output, over
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.models.zoo import compound_arguments
from fbn.resources import data_folder, whole_file
from fbn.training.provenance import revision

#: Misclassified pictures that are listed, with their crops.
LISTED = 60
_WRONG = "wrong"


def check_name(request: FewShot) -> None:
    """Check that a model of the requested name may be written.

    Raises:
        FormatError: the name is taken.
    """
    if request.name is None or request.name not in store.names():
        return
    if not (data_folder("models") / request.name / store.MANIFEST).is_file():
        raise FormatError(
            f"{request.name}: a model that is shipped, or that FBN_MODELS holds, has this name: choose another"
        )
    if not request.overwrite:
        raise FormatError(f"{request.name}: a model of this name exists: choose another, or overwrite it")


def save(network: FaceNetwork, name: str, request: FewShot, data: FewShotData, result: dict[str, Any]) -> None:
    """Write the model to the user's models, which Live, Analyse and ``fbn analyse --model`` read."""
    base = store.manifest(request.model)
    terms = base.terms | {data.faces.name: "pictures of the user's: whatever terms they came under"}
    store.save(
        data_folder("models") / name,
        network,
        name=name,
        zoo="compound",
        arguments=compound_arguments(network),
        card=card(name, base.name, terms, request, result),
        recipe={"few_shot": request.model_dump(mode="json", exclude={"data"}) | {"data": data.faces.name}},
        metrics={result["measurement"]: {data.faces.name: result["figures"], "zero_shot": result["zero_shot"]}},
        git_sha=revision(),
        date=datetime.now(UTC).date().isoformat(),
        terms=terms,
    )


def card(name: str, base: str, terms: dict[str, str], request: FewShot, result: dict[str, Any]) -> str:
    """Return the model card as Markdown."""
    ways = {
        "probe": "a linear layer on its features was learned, beside the zero-shot scores; the network is unchanged",
        "last_block": "its last block and heads were trained further, with the zero-shot scores as prior",
        "whole": "all of it was trained further, with the zero-shot scores as prior",
    }
    measured = {
        "test": "on the data's test part, which was not learned from",
        "folds": f"by cross-validation over {request.folds} parts: each picture by what the other parts teach",
    }
    rows = [
        f"| {name} | {result['counts'][name]} | {result['measured'][name]} | {_recall(result['recall'][name])} "
        f"| {_recall(result['zero_shot_recall'][name])} |"
        for name in result["classes"]
    ]
    notes = "\n".join(f"- {note}" for note in result["notes"])
    titles = {"mean_diagonal": "mean diagonal (UAR)", "macro_f1": "macro F1", "accuracy": "accuracy"}
    lines = [
        f"| {title} | {_interval(result['figures'][key])} | {_interval(result['zero_shot'][key])} |"
        for key, title in titles.items()
    ]
    sources = "\n".join(f"- {source}: {text}" for source, text in terms.items())
    return f"""# {name}

Names {len(result["classes"])} compound expressions besides what `{base}` reads. Few-shot learning from `{base}`,
{result["date"]}, on `{result["data"]}`: {ways[request.strategy]}.

## How good
Measured {measured[result["measurement"]]}. 95 % bootstrap intervals over pictures; chance is {result["chance"]:.3f}.

| figure | this model | zero-shot |
|---|---|---|
{chr(10).join(lines)}

| class | pictures learned from | measured on | recall | zero-shot recall |
|---|---|---|---|---|
{chr(10).join(rows)}

{notes}

## Terms
The code is MIT. The weights are under the terms of all they were learned from:

{sources}

## Not for
Deciding about people. The figures hold for pictures like those it was measured on, and for no others.
An expression is not a feeling. What `{base}`'s card says holds here too.
"""


def _recall(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _interval(figure: Figure) -> str:
    if figure["value"] is None:
        return "not measured"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def wrong(
    data: FewShotData, network: FaceNetwork, rows: IntArray, logits: NDArray, folder: Path
) -> tuple[list[Wrong], int]:
    """Return the misclassified pictures, most confident first, and write crops and activation maps.

    Args:
        data: the pictures.
        network: whose activation maps are written.
        rows: measured pictures.
        logits: [len(rows), C] of the measured pictures.
        folder: the run folder.

    Returns:
        The first ``LISTED`` of them, and their total number.
    """
    names = data.classes.classes
    p, truth = softmax(logits, 1), data.labels[rows]
    predicted = logits.argmax(1)
    places = np.flatnonzero(predicted != truth)
    places = places[np.argsort(-p[places, predicted[places]], kind="stable")]
    listed: list[Wrong] = []
    faces, size = data.faces, network.spec.size
    for number, place in enumerate(places[:LISTED]):
        row, guess = rows[place], int(predicted[place])
        crop = np.ascontiguousarray(centre(faces.crops[faces.rows[row]], size))
        overlay = over(crop, activation_maps(network, crop[None], output(names[guess], names))[0])
        files = [f"{_WRONG}/{number:03d}{ending}.png" for ending in ("", "-activation")]
        for file, picture in zip(files, (crop, overlay), strict=True):
            _write(folder / file, picture)
        listed.append(
            Wrong(
                path=faces.samples[row].path,
                true=names[truth[place]],
                said=names[guess],
                probability=float(p[place, guess]),
                own=float(p[place, truth[place]]),
                crop=files[0],
                activation=files[1],
            )
        )
    return listed, len(places)


def _write(path: Path, picture: np.ndarray) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_bytes(png_bytes(picture))


def notes(request: FewShot, data: FewShotData, learned: IntArray, unmeasured: Sequence[str]) -> list[str]:
    """Return human-readable caveats to the metrics."""
    names = data.classes.classes
    caveats = []
    if unmeasured:
        why = "One picture only" if data.faces.test is None else "No picture in the test part"
        caveats.append(f"{why}, learned from but not measured: {', '.join(unmeasured)}.")
    unknown = [name for name, known in zip(names, data.classes.known, strict=True) if not known]
    if unknown:
        text = "Their names say nothing to zero-shot, which gives them the others' mean"
        caveats.append(f"{text}: {', '.join(unknown)}.")
    counts = np.bincount(data.labels[learned], minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if empty and request.shots != 0:
        caveats.append(f"No picture to learn from, zero-shot score kept: {', '.join(empty)}.")
    if request.shots is not None and request.shots and (counts[counts > 0] < request.shots).any():
        few = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if 0 < count < request.shots]
        caveats.append(f"Fewer than {request.shots} pictures: {', '.join(few)}.")
    if (labels := data.faces.coverage.parts) and "train" not in labels:
        caveats.append("The data have a test part but nothing to learn from: this is zero-shot.")
    return caveats

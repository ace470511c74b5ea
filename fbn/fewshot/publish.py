"""What few-shot learning leaves behind: a named model with its card, and the pictures it got wrong."""

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
from fbn.fewshot.features import Material
from fbn.fewshot.probe import Numbers
from fbn.fewshot.request import FewShot, Figure, Wrong
from fbn.inference.activation import activation_maps, output, over
from fbn.models import store
from fbn.models.network import FaceNetwork
from fbn.models.zoo import compound_arguments
from fbn.resources import data_folder, whole_file
from fbn.training.provenance import revision

#: Wrong pictures that are listed; their crops are kept.
LISTED = 60
_WRONG = "wrong"


def check_name(asked: FewShot) -> None:
    """Refuse to save over a model that is not to be replaced.

    Raises:
        FormatError: the name is taken.
    """
    if asked.name is None or asked.name not in store.names():
        return
    if not (data_folder("models") / asked.name / store.MANIFEST).is_file():
        raise FormatError(
            f"{asked.name}: a model that is shipped, or that FBN_MODELS holds, has this name: choose another"
        )
    if not asked.overwrite:
        raise FormatError(f"{asked.name}: a model of this name exists: choose another, or overwrite it")


def save(network: FaceNetwork, name: str, asked: FewShot, material: Material, result: dict[str, Any]) -> None:
    """Write the model where Live, Analyse and ``fbn analyse --model`` find it."""
    base = store.manifest(asked.model)
    terms = base.terms | {material.faces.name: "pictures of the user's: whatever terms they came under"}
    store.save(
        data_folder("models") / name,
        network,
        name=name,
        zoo="compound",
        arguments=compound_arguments(network),
        card=card(name, base.name, terms, asked, result),
        recipe={"few_shot": asked.model_dump(mode="json", exclude={"data"}) | {"data": material.faces.name}},
        metrics={result["measurement"]: {material.faces.name: result["figures"], "zero_shot": result["zero_shot"]}},
        git_sha=revision(),
        date=datetime.now(UTC).date().isoformat(),
        terms=terms,
    )


def card(name: str, base: str, terms: dict[str, str], asked: FewShot, result: dict[str, Any]) -> str:
    """The model card, Markdown."""
    ways = {
        "probe": "a linear layer on its features was learned, beside the zero-shot scores; the network is unchanged",
        "last_block": "its last block and heads were trained further, with the zero-shot scores as prior",
        "whole": "all of it was trained further, with the zero-shot scores as prior",
    }
    measured = {
        "test": "on the data's test part, which was not learned from",
        "folds": f"by cross-validation over {asked.folds} parts: each picture by what the other parts teach",
    }
    rows = [
        f"| {own} | {result['counts'][own]} | {result['measured'][own]} | {_share(result['recall'][own])} "
        f"| {_share(result['zero_shot_recall'][own])} |"
        for own in result["classes"]
    ]
    notes = "\n".join(f"- {note}" for note in result["notes"])
    titles = {"mean_diagonal": "mean diagonal (UAR)", "macro_f1": "macro F1", "accuracy": "accuracy"}
    lines = [
        f"| {title} | {_interval(result['figures'][key])} | {_interval(result['zero_shot'][key])} |"
        for key, title in titles.items()
    ]
    sources = "\n".join(f"- {source}: {words}" for source, words in terms.items())
    return f"""# {name}

Names {len(result["classes"])} compound expressions besides what `{base}` reads. Few-shot learning from `{base}`,
{result["date"]}, on `{result["data"]}`: {ways[asked.strategy]}.

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


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _interval(found: Figure) -> str:
    if found["value"] is None:
        return "not measured"
    if found["low"] is None:
        return f"{found['value']:.3f}"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def wrong(
    material: Material, network: FaceNetwork, rows: Numbers, logits: NDArray, folder: Path
) -> tuple[list[Wrong], int]:
    """The pictures named wrongly, the most certain first, with crops and maps of the first ``LISTED`` of them.

    Args:
        material: the pictures.
        network: whose activation is shown.
        rows: measured pictures.
        logits: [len(rows), C] of each, as measured.
        folder: the run folder.

    Returns:
        The list, and how many there are in all.
    """
    names = material.classes.classes
    p, truth = softmax(logits, 1), material.labels[rows]
    said = logits.argmax(1)
    places = np.flatnonzero(said != truth)
    places = places[np.argsort(-p[places, said[places]], kind="stable")]
    listed: list[Wrong] = []
    faces, size = material.faces, network.spec.size
    for number, place in enumerate(places[:LISTED]):
        row, guess = rows[place], int(said[place])
        crop = np.ascontiguousarray(centre(faces.crops[faces.rows[row]], size))
        lit = over(crop, activation_maps(network, crop[None], output(names[guess], names))[0])
        files = [f"{_WRONG}/{number:03d}{ending}.png" for ending in ("", "-activation")]
        for file, picture in zip(files, (crop, lit), strict=True):
            _write(folder / file, picture)
        own = float(p[place, truth[place]])
        sure = float(p[place, guess])
        about = (faces.samples[row].path, names[truth[place]], names[guess])
        listed.append(
            Wrong(
                path=about[0],
                true=about[1],
                said=about[2],
                probability=sure,
                own=own,
                crop=files[0],
                activation=files[1],
            )
        )
    return listed, len(places)


def _write(path: Path, picture: np.ndarray) -> None:
    with whole_file(path) as unfinished:
        unfinished.write_bytes(png_bytes(picture))


def notes(asked: FewShot, material: Material, learned: Numbers, unmeasured: Sequence[str]) -> list[str]:
    """What a reader must know of the figures."""
    names = material.classes.classes
    said = []
    if unmeasured:
        why = "One picture only" if material.faces.test is None else "No picture in the test part"
        said.append(f"{why}, learned from but not measured: {', '.join(unmeasured)}.")
    unknown = [name for name, known in zip(names, material.classes.known, strict=True) if not known]
    if unknown:
        said.append(f"Their names say nothing to zero-shot, which gives them the others' mean: {', '.join(unknown)}.")
    counts = np.bincount(material.labels[learned], minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if not count]
    if empty and asked.shots != 0:
        said.append(f"No picture to learn from, zero-shot score kept: {', '.join(empty)}.")
    if asked.shots is not None and asked.shots and (counts[counts > 0] < asked.shots).any():
        few = [f"{name} ({count})" for name, count in zip(names, counts, strict=True) if 0 < count < asked.shots]
        said.append(f"Fewer than {asked.shots} pictures: {', '.join(few)}.")
    if (labels := material.faces.coverage.parts) and "train" not in labels:
        said.append("The data have a test part but nothing to learn from: this is zero-shot.")
    return said

"""Model cards: architecture, training data, metrics, terms of use and limitations of a trained network."""

from collections.abc import Sequence
from typing import Any

from fbn.training.recipe import Recipe

#: Terms of use of each data set.
TERMS: dict[str, str] = {
    "ferplus": "FER+ on FER2013Train: pictures collected from the web, for research; labels MIT",
    "affectnet": "AffectNet: research use, no redistribution",
    "ckplus": "CK+ pictures: research use, no redistribution; FACS codes Apache-2.0",
    "celeba": "CelebA: non-commercial research use",
    "affectnet-train-masked": "AffectNet (faces cut out along their outline): research use, no redistribution",
    "expw": "ExpW: research use only",
    "diffusionfer": "DiffusionFER (faces drawn by a diffusion model): CC0",
}
#: Terms of any other data set.
UNKNOWN_TERMS = "whatever terms its makers state"
_TITLES = {
    "ferplus": "FER2013Valid (FER+)",
    "affectnet": "AffectNet",
    "ckplus": "CK+",
    "celeba": "CelebA",
    "affectnet-train-masked": "AffectNet, outlines",
    "expw": "ExpW",
    "diffusionfer": "DiffusionFER",
}
#: The validation split of FER+ is taken from FER2013Train; FER2013Valid is the test split.
_VALID_TITLES = {**_TITLES, "ferplus": "FER2013Train, kept apart (FER+)"}
_FIGURES = {
    "ccc_valence": "CCC of valence",
    "ccc_arousal": "CCC of arousal",
    "f1": "AUs, mean F1 at 0.5",
    "auc": "AUs, mean ROC area",
}
_ROWS = {
    "ferplus": "pictures whose copies in FER2013Train were removed; the class with most votes of seven",
    "affectnet": "20 % of the pictures, drawn by class, never trained on; not cleaned",
    "ckplus": "25 subjects, never trained on; peak frame and onset of each sequence; AUs with five or more positives",
    "expw": "20 % of the pictures, with one or more labelled faces each; labels as released, noisy",
    "diffusionfer": "half of the pictures, drawn by a diffusion model; no part of the set is trained on",
}


def write(
    name: str,
    recipe: Recipe,
    reports: dict[str, dict[str, Any]],
    git_sha: str,
    date: str,
    checkpoints: Sequence[str] = ("best",),
) -> str:
    """Return a model's card as Markdown.

    Args:
        name: name of the model.
        recipe: its training recipe.
        reports: split -> report of ``fbn.training.evaluate.evaluate``.
        git_sha: Git commit of the code that trained it.
        date: date of training, ISO.
        checkpoints: whose weights it has; of several, the mean.
    """
    sources = "\n".join(f"- {TERMS.get(source, f'{source}: {UNKNOWN_TERMS}')}" for source in recipe.sets)
    terms = ", ".join(f"{term} {weight:g}" for term, weight in recipe.weights.items() if weight)
    taught = f"\nTaught besides by {_networks(len(recipe.teacher))} trained on the same data." if recipe.teacher else ""
    silver = (
        "\nWhere no FACS coder looked, some action units are MediaPipe's blendshapes, calibrated on CK+."
        if recipe.silver
        else ""
    )
    begun = (
        f"\nIts weights started from those of `{recipe.init}`, an earlier run on the same data." if recipe.init else ""
    )
    mean = f"\nIts weights are the mean of those of the run's {' and '.join(checkpoints)} epoch."
    averaged = mean if len(checkpoints) > 1 else ""
    table = recipe.table if isinstance(recipe.table, str) else recipe.table.provenance.source
    figures = "\n\n".join(_table(part, report) for part, report in reports.items())
    return f"""# {name}

Reads an aligned face crop, 112x112 RGB: seven expressions, 17 action units, valence and arousal.
A FaceBehaviorNet (one residual body, one linear layer), trained {date} by recipe `{recipe.name}`, code {git_sha[:12]}.

## Trained on
{sources}
{taught}{silver}{begun}{averaged}
Objective: {terms}; relatedness table `{table}`.

## Terms
The code is MIT. The weights are for research use only: they were learned from sets whose terms allow no more.

## How good
{figures}

Action unit outputs were shifted on the validation part so that 0.5 is the decision.
The figures hold for pictures like those they were measured on: posed or web pictures, mostly frontal, mostly adults.
Where mean diagonal is well below accuracy, the rarer expressions are recognised least well. Human FACS codes came from
posed faces alone.

## Not for
Deciding about people: hiring, policing, schooling, insurance, diagnosis, proof of what someone feels or intends.
An expression is not a feeling. Error rates by age, skin colour and gender were not measured. Do not use it on people
who have not agreed to it, and where the law forbids reading emotions (at work and at school in the European Union).
"""


def _networks(count: int) -> str:
    return "a network" if count == 1 else f"{count} networks"


def _table(part: str, report: dict[str, Any]) -> str:
    lines = [f"Part `{part}`, {report['date']}, 95 % bootstrap interval:", ""]
    lines += ["| set | figure | value | interval | chance |", "|---|---|---|---|---|"]
    titles = _VALID_TITLES if part == "valid" else _TITLES
    for source, about in report["sets"].items():
        for name, f in about["figures"].items():
            title = f"{titles.get(source, source)} ({about['pictures']})"
            figure = _FIGURES.get(name, name.replace("_", " "))
            interval = f"{f['low']:.3f} to {f['high']:.3f}"
            lines.append(f"| {title} | {figure} | {f['value']:.3f} | {interval} | {f['chance']:.3f} |")
    if missing := report.get("skipped"):
        names = ", ".join(titles.get(source, source) for source in missing)
        lines += ["", f"Not measured, for the data were not there: {names}."]
    described = [source for source in report["sets"] if part == "test" and source in _ROWS]
    notes = [f"{_TITLES[source]}: {_ROWS[source]}." for source in described]
    return "\n".join(lines + (["", *notes] if notes else []))

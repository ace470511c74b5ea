"""A relatedness table out of data sets: ``fbn relate infer`` and the page's Infer."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fbn.data.check import locate
from fbn.data.sources import SOURCES
from fbn.errors import FormatError
from fbn.inference.analyser import FaceAnalyser
from fbn.labelling import pseudo_annotate
from fbn.models import store
from fbn.records import Annotations, Sample
from fbn.relatedness.evidence import Evidence
from fbn.tasks import ACTION_UNITS, EXPRESSION
from fbn.training.evaluate import predict

_CHUNK = 512


@dataclass(frozen=True)
class Inferred:
    """What the sets at a path say together.

    Attributes:
        evidence: the counts.
        sets: set -> images with an expression and an AU; sets without any are 0 and add nothing.
    """

    evidence: Evidence
    sets: dict[str, int]


def infer(
    path: Path,
    model: str | Path | None = None,
    min_support: float = 10,
    people: bool = True,
    report: Callable[[float], None] = lambda share: None,
) -> Inferred:
    """Count the labels of every set at a path.

    Args:
        path: a set's folder or zip, or a folder of several.
        model: name or folder of a model: AUs are then its own throughout, on every picture with an expression label
            (C 4.2's way for Aff-Wild2). Pictures must be face crops. None: AUs are the coders'.
        min_support: cells with fewer images (people) stay empty.
        people: count each person (or clip) once per cell where every set names them; otherwise images.
        report: told the share of the pictures that the model has read.

    Raises:
        MissingFileError: nothing is there.
        FormatError: no set is recognised, or no image has both labels.
    """
    read = {name: SOURCES[name](root).samples for name, root in locate(path)}
    kept = {name: [s for s in samples if _counts(s, model is not None)] for name, samples in read.items()}
    if not (samples := [sample for own in kept.values() for sample in own]):
        what = "an expression label" if model is not None else "an expression and an AU label; a model can supply AUs"
        raise FormatError(f"{path}: no picture of {', '.join(read)} has {what}")
    labels = Annotations.stack([sample.annotations for sample in samples])
    source = f"labels of {' and '.join(name for name, own in kept.items() if own)}"
    if model is not None:
        labels = _predicted(model, samples, labels, report)
        source = f"{source}, AUs as {store.manifest(model).name} reads them"
    known = people and all(sample.subject for sample in samples)
    evidence = Evidence.of(
        labels,
        min_support,
        source=source,
        compounds=[sample.compound for sample in samples],
        people=[f"{sample.dataset}/{sample.subject}" for sample in samples] if known else None,
    )
    return Inferred(evidence, {name: len(own) for name, own in kept.items()})


def _counts(sample: Sample, with_model: bool) -> bool:
    labels = sample.annotations
    return bool(labels.expression_weight > 0) and (with_model or bool((labels.action_units_weight > 0).any()))


def _predicted(
    model: str | Path, samples: list[Sample], labels: Annotations, report: Callable[[float], None]
) -> Annotations:
    """The labels with the model's AUs in place of the coders'."""
    analyser = FaceAnalyser(model)
    bare = labels.only(EXPRESSION)
    parts = []
    for start in range(0, len(samples), _CHUNK):
        predictions = predict(analyser, samples[start : start + _CHUNK])
        if ACTION_UNITS not in predictions:
            raise FormatError(f"{model}: expected a model that reads action units")
        parts.append(pseudo_annotate(bare[start : start + _CHUNK], predictions, tasks=(ACTION_UNITS,)))
        report(min(1.0, (start + _CHUNK) / len(samples)))
    return Annotations.concatenate(parts)

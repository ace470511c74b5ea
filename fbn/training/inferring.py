"""Infer a relatedness table from data sets: ``fbn relate infer`` and Infer on the Relatedness page."""

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
from fbn.relatedness import RelatednessTable
from fbn.relatedness.evidence import Evidence
from fbn.relatedness.people import count_people
from fbn.tasks import ACTION_UNITS, ATTRIBUTES, EXPRESSION
from fbn.training.evaluate import predict

_CHUNK = 512


@dataclass(frozen=True)
class Inferred:
    """Label counts of the data sets at a path.

    Attributes:
        evidence: the counts.
        sets: data set -> images with both an expression and an AU label, possibly 0.
    """

    evidence: Evidence
    sets: dict[str, int]


def infer(
    path: Path,
    model: str | Path | None = None,
    min_support: float = 10,
    people: bool = True,
    report: Callable[[float], None] = lambda progress: None,
) -> Inferred:
    """Count the labels of every data set at a path.

    Args:
        path: folder or zip of a data set, or a folder of several.
        model: name or folder of a model. Its predicted AUs then replace all annotated ones, on every picture with an
            expression label (as in paper C, 4.2, for Aff-Wild2). Pictures must be face crops. None: annotated AUs.
        min_support: cells with fewer images (people) stay empty.
        people: count each person (or clip) once per cell if every data set identifies them; otherwise images.
        report: called with the progress of the model's predictions in [0, 1].

    Raises:
        MissingFileError: the path does not exist.
        FormatError: no data set is recognised, or no image has both labels.
    """
    read = {name: SOURCES[name](root).samples for name, root in locate(path)}
    usable = {name: [s for s in samples if _is_usable(s, model is not None)] for name, samples in read.items()}
    if not (samples := [sample for of_set in usable.values() for sample in of_set]):
        what = "an expression label" if model is not None else "an expression and an AU label; a model can supply AUs"
        raise FormatError(f"{path}: no picture of {', '.join(read)} has {what}")
    labels = Annotations.stack([sample.annotations for sample in samples])
    source = f"labels of {' and '.join(name for name, of_set in usable.items() if of_set)}"
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
    return Inferred(evidence, {name: len(of_set) for name, of_set in usable.items()})


def infer_people(path: Path, min_support: float = 10) -> RelatednessTable:
    """Count R(identity, attribute) of the data sets at a path (paper A, Table II).

    Args:
        path: folder or zip of a data set, or a folder of several.
        min_support: cells with fewer pictures of the person stay empty.

    Raises:
        MissingFileError: the path does not exist.
        FormatError: no picture has a person and attributes.
    """
    read = {name: SOURCES[name](root).samples for name, root in locate(path)}
    samples = [s for of_set in read.values() for s in of_set if s.subject and ATTRIBUTES in s.annotations]
    if not samples:
        raise FormatError(f"{path}: no picture of {', '.join(read)} has an identity and attributes")
    label = Annotations.stack([sample.annotations.only(ATTRIBUTES) for sample in samples])[ATTRIBUTES]
    sets = " and ".join(dict.fromkeys(sample.dataset for sample in samples))
    several = len({sample.dataset for sample in samples}) > 1
    # people of different data sets may have the same number
    names = [f"{sample.dataset}/{sample.subject}" if several else sample.subject for sample in samples]
    return count_people(names, label.value, label.weight, ATTRIBUTES, min_support, f"labels of {sets}")


def _is_usable(sample: Sample, with_model: bool) -> bool:
    labels = sample.annotations
    return bool(labels.expression_weight > 0) and (with_model or bool((labels.action_units_weight > 0).any()))


def _predicted(
    model: str | Path, samples: list[Sample], labels: Annotations, report: Callable[[float], None]
) -> Annotations:
    """Return the labels with the model's predicted AUs instead of annotated ones."""
    analyser = FaceAnalyser(model)
    expressions = labels.only(EXPRESSION)
    chunks = []
    for start in range(0, len(samples), _CHUNK):
        predictions = predict(analyser, samples[start : start + _CHUNK])
        if ACTION_UNITS not in predictions:
            raise FormatError(f"{model}: expected a model that reads action units")
        chunks.append(pseudo_annotate(expressions[start : start + _CHUNK], predictions, tasks=(ACTION_UNITS,)))
        report(min(1.0, (start + _CHUNK) / len(samples)))
    return Annotations.concatenate(chunks)

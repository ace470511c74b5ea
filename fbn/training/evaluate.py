"""Metrics of a model on a held-out split, with the cropping and inference of ``fbn analyse --crops``.

Pictures are decoded as for training, by OpenCV and without EXIF rotation; ``fbn analyse`` decodes with Pillow. The
decoders agree within a few grey levels.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import track

from fbn.data.corpus import MEASURED, load_corpus
from fbn.data.crops import crop_of
from fbn.data.sources import find
from fbn.errors import FormatError, MissingFileError
from fbn.inference.analyser import FaceAnalyser, Model
from fbn.metrics import bootstrap
from fbn.models import store
from fbn.records import Annotations, Predictions, Sample
from fbn.training.figures import chance, figures, score, scored_rows
from fbn.training.provenance import revision

_BATCH = 64
Report = dict[str, Any]


def evaluate(
    data_root: Path,
    model: Model = "fbn",
    part: str = "test",
    *,
    sets: Sequence[str] = MEASURED,
    flip: bool = False,
    rounds: int = 1000,
    progress: bool = True,
    name: str | None = None,
) -> Report:
    """Evaluate a model on one split of every data set in a folder.

    FER+: FER2013Valid, copies of training pictures removed, majority class. AffectNet: the test split, uncleaned.
    CK+: test subjects, peak frame and onset of each sequence, AUs with five or more positive sequences.

    Args:
        data_root: folder of the data sets.
        model: name or folder, or a network.
        part: the split, ``"test"`` or ``"valid"``.
        sets: names of the data sets to use.
        flip: average the predictions of each crop and its mirror image.
        rounds: bootstrap draws (of subjects where they are known, else of pictures).
        progress: show a progress bar.
        name: name of the model in the report; by default its manifest's name, or the network's type.

    Returns:
        model, part, date, git_sha, flip, score, skipped (missing data sets), and sets: name -> {pictures, figures:
        name -> {value, low, high, chance}}.

    Raises:
        FbnError: no data set exists, or an existing one cannot be read.
    """
    analyser = FaceAnalyser(model, flip=flip)
    reports: dict[str, Any] = {}
    skipped: list[str] = []
    for source in sets:
        try:
            find(data_root, source)
        except MissingFileError:
            skipped.append(source)
            continue
        samples = load_corpus(data_root, (source,)).samples[part]
        samples = tuple(samples[row] for row in scored_rows(samples))
        predictions = predict(analyser, samples, f"reading {source}" if progress else None)
        reports[source] = _report(predictions, samples, rounds)
    if not reports:
        raise FormatError(f"{data_root}: expected at least one of the sets {', '.join(sets)}")
    values = {f"{source}/{f}": v["value"] for source, one in reports.items() for f, v in one["figures"].items()}
    if name is None:
        name = store.manifest(model).name if isinstance(model, str | Path) else analyser.model
    return {
        "model": name,
        "part": part,
        "date": datetime.now(UTC).date().isoformat(),
        "git_sha": revision(),
        "flip": flip,
        "score": score(values),
        "skipped": skipped,
        "sets": reports,
    }


def predict(analyser: FaceAnalyser, samples: Sequence[Sample], title: str | None = None) -> Predictions:
    """Return predictions of batch shape [N] for samples whose pictures are face crops."""
    batches: list[Predictions] = []
    starts = range(0, len(samples), _BATCH)
    for start in track(starts, title) if title else starts:
        crops = np.stack([crop_of(sample) for sample in samples[start : start + _BATCH]])
        batches.append(analyser.predict(crops))
    return Predictions.concatenate(batches)


def _report(predictions: Predictions, samples: Sequence[Sample], rounds: int) -> dict[str, Any]:
    labels = Annotations.stack([sample.annotations for sample in samples])
    subjects = [sample.subject for sample in samples]
    groups = np.array(subjects) if all(subjects) else None
    baseline = chance(labels)
    values = {}
    for name, figure in figures(predictions, labels).items():
        interval = bootstrap(figure, len(samples), groups, rounds)
        values[name] = {**{k: float(v) for k, v in asdict(interval).items()}, "chance": baseline[name]}
    return {"pictures": len(samples), "figures": values}

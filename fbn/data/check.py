"""Statistics of a data set, to check it before training: ``fbn data check``."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.markup import escape
from rich.table import Table

from fbn.data.corpus import split, twins
from fbn.data.pictures import read_picture
from fbn.data.sources import SOURCES, SourceReading, ckplus, detect, ferplus, find
from fbn.data.splits import PARTS, positive_sequences
from fbn.errors import FbnError, FormatError, MissingFileError
from fbn.faces.files import exists
from fbn.records import Annotations, Sample
from fbn.tasks import ATTRIBUTES
from fbn.vocabulary import ACTION_UNITS, COMPOUND_EXPRESSIONS, DECISION, EXPRESSIONS

#: Number of bins of the histograms of valence and of arousal.
_BINS = 8
_NO_LABEL = "not annotated"


@dataclass(frozen=True)
class Examination:
    """The result of ``examine``.

    Attributes:
        reading: result of the data set's adapter.
        parts: splits that ``corpus.split`` makes of it.
        twins: groups of byte-identical pictures.
        unreadable: error message of each picture that cannot be decoded.
        sizes: number of pictures by (height, width).
    """

    reading: SourceReading
    parts: dict[str, tuple[Sample, ...]]
    twins: tuple[tuple[Sample, ...], ...]
    unreadable: tuple[str, ...]
    sizes: dict[tuple[int, int], int]


def locate(path: Path, name: str | None = None) -> list[tuple[str, Path]]:
    """Return (name, folder or zip) of each data set at ``path``, which is a data set or a folder of data sets.

    Raises:
        MissingFileError: ``path`` does not exist.
        FormatError: no data set is recognised by its layout, or ``name`` is unknown.
    """
    if name is not None:
        if name not in SOURCES:
            raise FormatError(f"--set {name}: expected one of {', '.join(SOURCES)}")
        return [(name, find(path, name))]
    if not exists(path):
        raise MissingFileError(f"{path}: expected a folder or a zip file")
    inside = [(n, p) for n in SOURCES for p in (path / n, path / f"{n}.zip") if p.exists()]
    return inside or [(detect(path), path)]


def examine(name: str, root: Path) -> Examination:
    """Read the labels, split the data set, and hash and decode every picture.

    Raises:
        FormatError: the label files do not follow the data set's layout.
    """
    reading = SOURCES[name](root)
    unreadable: list[str] = []
    sizes: Counter[tuple[int, int]] = Counter()
    for sample in reading.samples:
        try:
            sizes[read_picture(sample).shape[:2]] += 1
        except FbnError as error:
            unreadable.append(str(error))
    parts = split(name, reading.samples)
    return Examination(reading, parts, twins(reading.samples), tuple(unreadable), dict(sizes))


def tables(result: Examination) -> Iterator[Table]:
    """Yield the result as tables; empty ones are left out."""
    samples = result.reading.samples
    yield _parts(result)
    if not samples:
        yield _rejected(result)
        return
    labels = Annotations.stack([s.annotations for s in samples])
    if (labels.expression_weight > 0).any():
        yield _expressions(result)
    if any(s.compound for s in samples):
        yield _compounds(result)
    if (labels.valence_arousal_weight > 0).any():
        yield _valence_arousal(labels)
    if (labels.action_units_weight > 0).any():
        yield _action_units(result.reading, labels)
    if (labels[ATTRIBUTES].weight > 0).any():
        yield _attributes(labels)
    yield _pictures(result)
    if result.reading.rejected:
        yield _rejected(result)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i else "left", overflow="fold")
    return table


def _parts(result: Examination) -> Table:
    title = f"{result.reading.name}: {len(result.reading.samples)} samples, {len(result.reading.rejected)} rejected"
    table = _table(title, "", "samples", "subjects", "expression", "AUs", "VA")
    released = dict.fromkeys(s.part or "all" for s in result.reading.samples)
    rows = [
        (f"released: {part}", [s for s in result.reading.samples if (s.part or "all") == part]) for part in released
    ]
    rows += [(f"split: {part}", list(result.parts[part])) for part in PARTS]
    for label, samples in rows:
        subjects = len({s.subject for s in samples} - {""})
        counts = [
            sum(bool(s.annotations.expression_weight > 0) for s in samples),
            sum(bool((s.annotations.action_units_weight > 0).any()) for s in samples),
            sum(bool(s.annotations.valence_arousal_weight > 0) for s in samples),
        ]
        shown = [f"{n} ({len(samples) - n} missing)" if 0 < n < len(samples) else f"{n or '-'}" for n in counts]
        table.add_row(label, str(len(samples)), str(subjects or "-"), *shown)
    return table


def _expressions(result: Examination) -> Table:
    names = tuple(e.value for e in EXPRESSIONS)
    return _classes(result, "expressions (most likely class)", "expression", names, _most_likely)


def _compounds(result: Examination) -> Table:
    names = tuple(name for name in COMPOUND_EXPRESSIONS if any(s.compound == name for s in result.reading.samples))
    return _classes(result, "compound expressions", "compound", names, lambda s: s.compound or _NO_LABEL)


def _classes(result: Examination, title: str, what: str, names: Sequence[str], of: Callable[[Sample], str]) -> Table:
    table = _table(title, what, "all", *PARTS)
    groups = [result.reading.samples, *(result.parts[part] for part in PARTS)]
    counts = [Counter(of(s) for s in samples) for samples in groups]
    for name in (*names, _NO_LABEL):
        table.add_row(name, *(str(c[name]) for c in counts))
    return table


def _most_likely(sample: Sample) -> str:
    labels = sample.annotations
    return EXPRESSIONS[int(labels.expression.argmax())].value if labels.expression_weight > 0 else _NO_LABEL


def _valence_arousal(labels: Annotations) -> Table:
    values = labels.valence_arousal[labels.valence_arousal_weight > 0].numpy()
    table = _table("valence and arousal", "", "valence", "arousal")
    for name, row in (("mean", values.mean(0)), ("standard deviation", values.std(0))):
        table.add_row(name, *(f"{v:+.3f}" for v in row))
    edges = np.linspace(-1, 1, _BINS + 1)
    counts = [np.histogram(column, edges)[0] for column in values.T]
    for low, high, *row in zip(edges, edges[1:], *counts, strict=False):
        table.add_row(f"{low:+.2f} to {high:+.2f}", *map(str, row))
    return table


def _action_units(reading: SourceReading, labels: Annotations) -> Table:
    sequences = positive_sequences(reading.samples) if reading.name == ckplus.NAME else None
    table = _table("action units", "AU", "annotated", "active", "share", *(["sequences"] if sequences else []))
    for i, unit in enumerate(ACTION_UNITS):
        known = labels.action_units_weight[:, i] > 0
        n, active = int(known.sum()), int((labels.action_units[known, i] >= DECISION).sum())
        row = [f"{unit.short} {unit.name}", str(n), str(active), f"{active / n:.3f}" if n else "-"]
        table.add_row(*row, *([str(sequences[i])] if sequences else []))
    return table


def _attributes(labels: Annotations) -> Table:
    label = labels[ATTRIBUTES]
    table = _table("attributes", "attribute", "annotated", "active", "share")
    for i, name in enumerate(ATTRIBUTES.labels):
        known = label.weight[:, i] > 0
        n, active = int(known.sum()), int((label.value[known, i] >= DECISION).sum())
        table.add_row(name, str(n), str(active), f"{active / n:.3f}" if n else "-")
    return table


def _pictures(result: Examination) -> Table:
    table = _table("pictures", "", "count", "example")
    for (h, w), count in sorted(result.sizes.items(), key=lambda item: -item[1])[:5]:
        table.add_row(f"{w} x {h} pixels", str(count), "")
    across = [g for g in result.twins if len({s.part for s in g}) > 1]
    used = {s.face for part in result.parts.values() for s in part}
    # in no split by design, not as duplicates
    used |= {s.face for s in result.reading.samples if s.part == ferplus.PRIVATE}
    contradict = [g for g in result.twins if not any(s.face in used for s in g)]
    for label, groups in (
        ("", result.twins),
        (" across parts", across),
        (", labels disagree: all dropped", contradict),
    ):
        example = escape(" = ".join(s.path for s in groups[0])) if groups else ""
        table.add_row(f"groups of byte-identical pictures{label}", str(len(groups)), example)
    dropped = len(result.reading.samples) - len(used)
    table.add_row("dropped as duplicates", str(dropped), "")
    table.add_row("unreadable", str(len(result.unreadable)), "")
    return table


def _rejected(result: Examination) -> Table:
    table = _table("rejected", "reason", "rows", "first")
    groups = Counter(r.reason for r in result.reading.rejected)
    first = {r.reason: r for r in reversed(result.reading.rejected)}
    for reason, count in groups.most_common():
        line = f"line {first[reason].line}" if first[reason].line else ""
        where = ", ".join(filter(None, (line, first[reason].path)))
        table.add_row(escape(reason), str(count), escape(where))
    return table

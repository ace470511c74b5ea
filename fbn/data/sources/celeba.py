"""CelebA (Liu et al. 2015): 40 attributes and an identity for each aligned picture; no affect labels."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError
from fbn.records import Annotations, Label, Sample
from fbn.tasks import ATTRIBUTES as TASK

NAME = "celeba"
FOLDER = "img_align_celeba"
ATTRIBUTES, IDENTITIES, PARTITION = "list_attr_celeba.txt", "identity_CelebA.txt", "list_eval_partition.txt"
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = (ATTRIBUTES,)
N_ATTRIBUTES = 40
_PARTS = {"0": "train", "1": "valid", "2": "test"}


def read(root: Path) -> SourceReading:
    """Read attributes and identities.

    The attributes are labels of ``fbn.tasks.ATTRIBUTES``. The identity is the sample's subject: as a label over all
    10,177 it would take gigabytes, so ``fbn.data.identities`` makes labels for the people that are trained on.

    Args:
        root: folder or zip with ``img_align_celeba/``, ``list_attr_celeba.txt``, ``identity_CelebA.txt`` and
            optionally ``list_eval_partition.txt`` (then the samples have released splits).

    Raises:
        FormatError: the files do not follow the layout, or name other attributes; the message names file and line.
    """
    present = list_files(root)
    identities: dict[str, str] = {}
    for line, name, (number,) in _rows(root, IDENTITIES, 1):
        where = f"{root}: {IDENTITIES}, line {line}"
        identities[name] = parse(number, str, str.isdecimal, where, "the number of an identity")
    parts: dict[str, str] = {}
    if PARTITION in present:
        for line, name, (code,) in _rows(root, PARTITION, 1):
            where = f"{root}: {PARTITION}, line {line}"
            parts[name] = _PARTS[parse(code, str, _PARTS.__contains__, where, "0, 1 or 2")]
    lines = read_lines(root, ATTRIBUTES)[:2]
    names = tuple(lines[1].split()) if len(lines) == 2 else ()
    if len(names) != N_ATTRIBUTES or len(set(names)) != N_ATTRIBUTES:
        raise FormatError(f"{root}: {ATTRIBUTES}, line 2: {len(names)} names, expected {N_ATTRIBUTES} attribute names")
    if unknown := sorted(set(names) - set(TASK.labels)):
        raise FormatError(f"{root}: {ATTRIBUTES}, line 2: {unknown[0]!r}, expected the names of CelebA's 40 attributes")
    order = replace(TASK, labels=names).columns(TASK)
    where = f"{root}: {ATTRIBUTES}, line 1"
    count = parse(lines[0], int, lambda n: n >= 0, where, "the number of pictures")
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    rows, annotated = 0, torch.ones(N_ATTRIBUTES)
    for line, name, values in _rows(root, ATTRIBUTES, N_ATTRIBUTES, skip=2):
        rows += 1
        where = f"{root}: {ATTRIBUTES}, line {line}"
        active = [float(parse(v, int, lambda n: n in (1, -1), where, "1 or -1") == 1) for v in values]
        if name not in identities:
            raise FormatError(f"{where}: {name} has no line in {IDENTITIES}")
        if parts and name not in parts:
            raise FormatError(f"{where}: {name} has no line in {PARTITION}")
        path = f"{FOLDER}/{name}"
        if path not in present:
            rejected.append(Rejected(path, line, "picture not present"))
            continue
        labels = Annotations({TASK: Label(torch.tensor(active)[order], annotated)})
        samples.append(Sample(NAME, str(root), path, labels, part=parts.get(name, ""), subject=identities[name]))
    if rows != count:
        raise FormatError(f"{root}: {ATTRIBUTES}, line 1: {count}, but {rows} pictures follow")
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def _rows(root: Path, path: str, n_values: int, skip: int = 0) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line number, picture name and values of each row after the first ``skip`` lines; one row per picture."""
    seen: set[str] = set()
    for line, text in enumerate(read_lines(root, path), start=1):
        if line <= skip or not text.strip():
            continue
        name, *values = text.split()
        if len(values) != n_values:
            raise FormatError(f"{root}: {path}, line {line}: {len(values)} values, expected a name and {n_values}")
        if name in seen:
            raise FormatError(f"{root}: {path}, line {line}: {name} listed before, expected one row a picture")
        seen.add(name)
        yield line, name, values

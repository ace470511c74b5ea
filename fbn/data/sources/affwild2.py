"""Aff-Wild2 (Kollias & Zafeiriou 2019): videos annotated frame by frame in three overlapping sets, one per task."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fbn.data.pictures import list_files
from fbn.data.sources.layout import Rejected, SourceReading, parse, read_lines
from fbn.errors import FormatError
from fbn.records import Annotations, Sample
from fbn.tasks import ACTION_UNITS, EXPRESSION, VALENCE_AROUSAL, Task
from fbn.vocabulary import Expression

NAME = "affwild2"
PICTURES = "cropped_aligned"
UNITS_ABAW3 = (1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26)
CODES: dict[int, Expression | None] = {
    -1: None,
    0: Expression.NEUTRAL,
    1: Expression.ANGER,
    2: Expression.DISGUST,
    3: Expression.FEAR,
    4: Expression.HAPPINESS,
    5: Expression.SADNESS,
    6: Expression.SURPRISE,
}
#: From ABAW3 on; code 7, "other", is not one of the 7 classes.
CODES_ABAW3 = CODES | {7: None}
_MISSING_VA, _MISSING_AU = -5.0, -1
_OTHER = "other"
_PERSONS = ("_left", "_right")


@dataclass(frozen=True)
class _Release:
    """Folder names, expression codes and AUs of one release."""

    folders: Mapping[str, Task]
    parts: Mapping[str, str]
    codes: Mapping[int, Expression | None]
    units: tuple[int, ...]


_RELEASES = (
    _Release(
        {"VA_Set": VALENCE_AROUSAL, "EXPR_Set": EXPRESSION, "AU_Set": ACTION_UNITS},
        {"Training_Set": "train", "Validation_Set": "valid"},
        *(CODES, (1, 2, 4, 6, 12, 15, 20, 25)),
    ),
    _Release(
        {
            "VA_Estimation_Challenge": VALENCE_AROUSAL,
            "EXPR_Classification_Challenge": EXPRESSION,
            "EXPR_Recognition_Challenge": EXPRESSION,
            "AU_Detection_Challenge": ACTION_UNITS,
        },
        {"Train_Set": "train", "Validation_Set": "valid"},
        *(CODES_ABAW3, UNITS_ABAW3),
    ),
)
FOLDERS = tuple(folder for release in _RELEASES for folder in release.folders)
#: Glob patterns of files or folders by which this data set is recognised; any one suffices.
MARKS = FOLDERS


@dataclass
class _Frame:
    video: str
    part: str
    line: int
    labels: dict[str, Any] = field(default_factory=dict)


def read(root: Path) -> SourceReading:
    """Read the frames of all sets of a release; a frame in several sets is one sample with all its labels.

    Two people in a video (``_left``, ``_right``) have separate pictures and one subject, the video. If a video is a
    training video in one set and a validation video in another, its validation lines are rejected.

    Args:
        root: folder or zip with ``cropped_aligned/<label file's name>/00001.jpg`` and the label folders of 2020
            (``VA_Set``, ``EXPR_Set``, ``AU_Set``) or of ABAW3 and later (``VA_Estimation_Challenge``, ...).

    Raises:
        FormatError: the files do not follow the layout; the message names file and line.
    """
    present = list_files(root)
    release, files = _label_files(root, present)
    trained = {video_of(Path(path).stem) for path, _, part in files if part == "train"}
    frames: dict[str, _Frame] = {}
    rejected: list[Rejected] = []
    for path, task, part in files:
        clash = part != "train" and video_of(Path(path).stem) in trained
        for line, labels in _rows(root, path, task, release):
            picture = f"{PICTURES}/{Path(path).stem}/{line - 1:05d}.jpg"
            if clash:
                rejected.append(Rejected(picture, line, "its video trains in another set"))
            else:
                frames.setdefault(picture, _Frame(video_of(Path(path).stem), part, line)).labels.update(labels)
    samples: list[Sample] = []
    for picture, frame in frames.items():
        if picture not in present:
            rejected.append(Rejected(picture, frame.line, "picture not present"))
        elif not any(frame.labels.values()):
            rejected.append(Rejected(picture, frame.line, "nothing annotated"))
        else:
            labels_ = Annotations.of(**frame.labels)
            samples.append(Sample(NAME, str(root), picture, labels_, part=frame.part, subject=frame.video))
    return SourceReading(NAME, tuple(samples), tuple(rejected))


def valence_arousal(fields: Sequence[str], where: str) -> tuple[float, float] | None:
    """Parse two fields; None if either is marked missing. Raises FormatError."""
    valence, arousal = (
        parse(text, float, lambda v: -1 <= v <= 1 or v == _MISSING_VA, where, "a value in [-1, 1], or -5 where missing")
        for text in fields
    )
    return None if _MISSING_VA in (valence, arousal) else (valence, arousal)


def expression(text: str, codes: Mapping[int, Expression | None], where: str) -> Expression | None:
    """Parse an expression code; None if it is missing or not one of the 7 classes. Raises FormatError."""
    return codes[parse(text, int, codes.__contains__, where, f"a code from 0 to {max(codes)}, or -1 where missing")]


def action_units(numbers: Sequence[int], fields: Sequence[str], where: str) -> dict[int, float]:
    """Return activations by FACS number, without those marked missing. Raises FormatError."""
    marks = [parse(text, int, (-1, 0, 1).__contains__, where, "0, 1, or -1 where missing") for text in fields]
    return {number: float(mark) for number, mark in zip(numbers, marks, strict=True) if mark != _MISSING_AU}


def video_of(name: str) -> str:
    """Return the video of a label file or picture folder: its name without the person's suffix."""
    return next((name.removesuffix(person) for person in _PERSONS if name.endswith(person)), name)


def _label_files(root: Path, present: frozenset[str]) -> tuple[_Release, list[tuple[str, Task, str]]]:
    """Return the release, and each label file with its task and split."""
    top_folders = {path.split("/")[0] for path in present if path.endswith(".txt")}
    releases = [release for release in _RELEASES if top_folders & set(release.folders)]
    if len(releases) != 1:
        known = ", ".join(sorted(top_folders & set(FOLDERS))) or "none"
        raise FormatError(f"{root}: found {known}, expected label folders of one release: {', '.join(FOLDERS)}")
    (release,) = releases
    folders = top_folders & set(release.folders)
    if len({release.folders[folder] for folder in folders}) != len(folders):
        raise FormatError(f"{root}: found {' and '.join(sorted(folders))}, expected one folder a task")
    files = []
    for path in sorted(p for p in present if p.endswith(".txt") and p.split("/")[0] in release.folders):
        folder, *middle, name = path.split("/")
        if len(middle) != 1 or middle[0] not in release.parts:
            raise FormatError(f"{root}: {path}, expected {folder}/{' or '.join(release.parts)}/{name}")
        files.append((path, release.folders[folder], release.parts[middle[0]]))
    return release, files


def _rows(root: Path, path: str, task: Task, release: _Release) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and labels of each row; line 2 belongs to picture 1."""
    lines = read_lines(root, path)
    while lines and not lines[-1].strip():
        lines.pop()
    names = [name.strip() for name in lines[0].split(",")] if lines else []
    where = f"{root}: {path}, line 1"
    numbers = _header(names, task, release, where)
    n_fields = 1 if task is EXPRESSION else len(names)
    for line, text in enumerate(lines[1:], start=2):
        where = f"{root}: {path}, line {line}"
        if len(fields := [value.strip() for value in text.split(",")]) != n_fields:
            raise FormatError(f"{where}: {len(fields)} values, expected {n_fields}")
        if task is VALENCE_AROUSAL:
            yield line, {task.name: valence_arousal(fields, where)}
        elif task is EXPRESSION:
            yield line, {task.name: expression(fields[0], release.codes, where)}
        else:
            yield line, {task.name: action_units(numbers, fields, where)}


def _header(names: list[str], task: Task, release: _Release, where: str) -> list[int]:
    """Check line 1 and return the AUs that it names, in its order."""
    header = ",".join(names)
    if task is VALENCE_AROUSAL and names != ["valence", "arousal"]:
        raise FormatError(f"{where}: {header!r}, expected the header valence,arousal")
    if task is EXPRESSION:
        # the codes are fixed, so a header with other classes, or none, belongs to another kind of file
        classes = [e.value for e in release.codes.values() if e] + ([_OTHER] if len(release.codes) > len(CODES) else [])
        listed = [name.lower() for name in names]
        if (len(names) > 1 and listed not in (classes, classes[: len(CODES) - 1])) or not header or _is_code(header):
            raise FormatError(f"{where}: {header!r}, expected a header: {','.join(classes)}")
    if task is not ACTION_UNITS:
        return []
    numbers = [int(name[2:]) if name.startswith("AU") and name[2:].isdigit() else 0 for name in names]
    if sorted(numbers) != sorted(release.units):
        raise FormatError(f"{where}: {header!r}, expected the header {','.join(f'AU{n}' for n in release.units)}")
    return numbers


def _is_code(text: str) -> bool:
    return text.lstrip("-").isdigit()

"""A user's labelled pictures of compound expressions, in one of three layouts, from a folder or a zip; no pixels.

- RAF-DB's compound part (``fbn.data.sources.rafdb``), with its train and test part;
- a table ``file,class`` beside the pictures: ``labels.csv``, or EmotioNet's ``emotionet_classes.csv`` with ``images/``;
- one folder a class, which may stand in ``train/`` and ``test/``.
"""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile

from fbn import sheets
from fbn.data.pictures import list_files, read_file
from fbn.data.sources import emotionet, rafdb
from fbn.data.sources.layout import Rejected
from fbn.errors import FormatError
from fbn.faces.pictures import PICTURE_SUFFIXES, UNREADABLE_SUFFIXES
from fbn.records import Annotations, Sample
from fbn.vocabulary import CLASSES_EMOTIONET, COMPOUND_EXPRESSIONS, COMPOUND_RAFDB, EXPRESSION_INDEX

LABELS = "labels.csv"
#: Limits on what is read, so that a hostile zip cannot fill memory or disk.
MAX_PICTURES, MAX_FILES, MAX_BYTES, MAX_TOTAL = 50_000, 200_000, 64 * 2**20, 16 * 2**30
#: What people call the columns of a label file, the likeliest first.
_FILE = ("file", "filename", "file name", "image", "picture", "path")
_CLASS = ("class", "label", "expression", "emotion")
_LIST = f"{rafdb.COMPOUND_FOLDER}/list_patition_label.txt"
#: Folders that part a set, and the part they are.
_PARTS = {"train": "train", "valid": "train", "val": "train", "test": "test"}
_LAYOUTS = (
    f"expected RAF-DB's compound layout ({_LIST}), {LABELS} or {emotionet.CLASSES} (file,class) beside the pictures, "
    "or one folder of pictures a class"
)
_NOTHING = Annotations.empty()
#: Classes come in this order, others after them by name.
_ORDER = (*COMPOUND_RAFDB, *CLASSES_EMOTIONET, *COMPOUND_EXPRESSIONS, *EXPRESSION_INDEX)


@dataclass(frozen=True)
class Labelled:
    """What the labels say.

    Attributes:
        layout: ``"rafdb-compound"``, ``"csv"`` or ``"folders"``.
        samples: labelled pictures by path; ``compound`` is the class, whatever its name.
        classes: of the samples; the vocabulary's first, in its order.
        rejected: rows without a picture, pictures without a label.
    """

    layout: str
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    rejected: tuple[Rejected, ...]


def read_labels(root: Path) -> Labelled:
    """Read labels.

    Raises:
        MissingFileError: nothing is there.
        FormatError: none of the layouts, a label file that departs from its own, a zip with paths that lead out of
            it, or more than the limits.
    """
    if root.is_file():
        _check_zip(root)
    files = list_files(root)
    if len(files) > MAX_FILES:
        raise FormatError(f"{root}: {len(files)} files, expected at most {MAX_FILES}")
    pictures = [path for path in files if PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES]
    if found := _rafdb_root(root, files):
        layout, (samples, rejected) = rafdb.COMPOUND, _rafdb(found)
    elif labels := _label_file(files):
        layout, (samples, rejected) = "csv", _csv(root, labels, pictures)
    else:
        layout, (samples, rejected) = "folders", _folders(root, pictures)
    rejected += [
        Rejected(path, 0, "of a kind that cannot be read; save it as JPEG")
        for path in sorted(files)
        if PurePosixPath(path).suffix.lower() in UNREADABLE_SUFFIXES
    ]
    if len(samples) > MAX_PICTURES:
        raise FormatError(f"{root}: {len(samples)} pictures, expected at most {MAX_PICTURES}")
    if not samples:
        raise FormatError(f"{root}: no labelled picture; {_LAYOUTS}")
    samples = sorted(samples, key=lambda sample: sample.path)
    classes = tuple(sorted({sample.compound for sample in samples}, key=_place))
    return Labelled(layout, tuple(samples), classes, tuple(rejected))


def class_name(text: str) -> str:
    """How a class is called: ``Happily_Surprised`` is ``happily surprised``."""
    return " ".join(re.split(r"[\s_-]+", text.strip())).lower()


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER)), name


def _check_zip(root: Path) -> None:
    try:
        with ZipFile(root) as archive:
            members = archive.infolist()
    except BadZipFile as error:
        raise FormatError(f"{root}: expected a folder or a zip file ({error})") from error
    if len(members) > MAX_FILES:
        raise FormatError(f"{root}: {len(members)} files, expected at most {MAX_FILES}")
    for member in members:
        parts = re.split(r"[/\\]", member.filename)
        if ".." in parts or member.filename.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", member.filename):
            raise FormatError(f"{root}: {member.filename!r} leads out of the archive, expected plain relative paths")
        if member.file_size > MAX_BYTES:
            raise FormatError(f"{root}: {member.filename} has {member.file_size} bytes, expected at most {MAX_BYTES}")
    if (total := sum(member.file_size for member in members)) > MAX_TOTAL:
        raise FormatError(f"{root}: {total} bytes unpacked, expected at most {MAX_TOTAL}")


def _rafdb_root(root: Path, files: Iterable[str]) -> Path | None:
    """Where RAF-DB's compound part lies: at the root, below one folder of it, or the folder itself is it."""
    for path in files:
        if path == _LIST:
            return root
        if path.endswith(f"/{_LIST}"):
            if root.is_dir():
                return root / path.removesuffix(f"/{_LIST}")
            raise FormatError(f"{root}: {path}: expected {_LIST} at the top of the zip")
    if root.is_dir() and root.name == "compound" and (root.parent / _LIST).is_file():
        return root.parent
    return None


def _rafdb(root: Path) -> tuple[list[Sample], list[Rejected]]:
    reading = rafdb.read_compound(root)
    return list(reading.samples), list(reading.rejected)


def _label_file(files: Iterable[str]) -> str | None:
    """A label file at the top, or in the one folder that all files are in."""
    named = [path for path in files if PurePosixPath(path).name.lower() in (LABELS, emotionet.CLASSES)]
    return min(named, key=lambda path: (path.count("/"), path)) if named else None


def label_rows(content: bytes) -> list[tuple[int, str, str]]:
    """Line, file and class of each row of a label file, as people make them: see ``fbn.sheets``.

    The header may be called otherwise (``File,Class``, ``image;label``), have further columns, or be missing where
    there are two columns and the first names pictures.

    Raises:
        FormatError: no such columns, or what is no table; the message names the line.
    """
    sheet = sheets.read(sheets.decode(content))
    names = [" ".join(re.split(r"[\s_-]+", name.lower())) for name in sheet.header]
    file, label = (next((names.index(own) for own in known if own in names), None) for known in (_FILE, _CLASS))
    rows = sheet.rows
    if file is None and len(names) == 2 and PurePosixPath(names[0]).suffix in PICTURE_SUFFIXES:
        file, label, rows = 0, 1, ((sheet.line, sheet.header), *rows)
    if file is None or label is None:
        found = ",".join(sheet.header)[:60]
        raise FormatError(f"line {sheet.line}: expected a header file,class but found {found!r}")
    return [(line, cells[file].strip(), cells[label].strip()) for line, cells in rows]


class _Files:
    """Pictures by what people call them: with backslashes, another case, without a suffix, by a whole path."""

    def __init__(self, pictures: Iterable[str], base: PurePosixPath) -> None:
        self._there = set(pictures)
        self._folders = (base, base / emotionet.PICTURES)
        self._alike: dict[str, list[str]] = defaultdict(list)
        for path in self._there:
            for name in (path, str(PurePosixPath(path).with_suffix(""))):
                self._alike[_folded(name)].append(path)

    def find(self, name: str) -> list[str]:
        """The pictures that may be meant: one, none, or several."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        # of a path on the machine where the table was made its end is the same here
        whole = name.startswith("/") or re.match(r"[A-Za-z]:", name)
        ends = [PurePosixPath(*parts[start:]) for start in (range(1, len(parts)) if whole else [0])]
        places = [str(folder / end) for end in (PurePosixPath(name), *ends) for folder in self._folders]
        if exact := [place for place in places if place in self._there]:
            return exact[:1]
        return next((alike for place in places if (alike := self._alike.get(_folded(place)))), [])


def _folded(name: str) -> str:
    # macOS writes accents as letters of their own
    return unicodedata.normalize("NFC", name).casefold()


def _csv(root: Path, labels: str, pictures: Iterable[str]) -> tuple[list[Sample], list[Rejected]]:
    there, samples, rejected = set(pictures), [], []
    files = _Files(there, PurePosixPath(labels).parent)
    seen: dict[str, int] = {}
    try:
        rows = label_rows(read_file(root, labels))
    except FormatError as error:
        raise FormatError(f"{root}: {labels}, {error}") from None
    for line, name, text in rows:
        label, found = class_name(text), files.find(name)
        path = found[0] if len(found) == 1 else None
        if path is None:
            reason = f"may be any of {', '.join(sorted(found))}" if found else "picture not present"
            rejected.append(Rejected(name, line, reason))
        elif not label:
            rejected.append(Rejected(path, line, "no class"))
        elif path in seen:
            raise FormatError(f"{root}: {labels}, line {line}: {name} listed before, on line {seen[path]}")
        else:
            samples.append(_sample(root, path, label))
        if path is not None:
            seen[path] = line
    if rejected and not samples:
        first = rejected[0]
        why = f"line {first.line}: {first.path}: {first.reason}"
        raise FormatError(f"{root}: {labels}: none of its {len(rows)} rows can be used, {why}")
    rejected += [Rejected(path, 0, "no label") for path in sorted(there - set(seen))]
    return samples, rejected


def _folders(root: Path, pictures: Iterable[str]) -> tuple[list[Sample], list[Rejected]]:
    paths = sorted(pictures)
    parts = [path.split("/") for path in paths]
    # a zip of a folder has that folder on top
    inside = {tuple(own[:2]) for own in parts if len(own) > 2}
    skip = int(len({own[0] for own in parts if len(own) > 1}) == 1 and len(inside) > 1)
    parted = _split(parts, skip)
    samples, rejected = [], []
    for path, own in zip(paths, parts, strict=True):
        if len(own) < skip + parted + 2:
            rejected.append(Rejected(path, 0, "no label"))
            continue
        sample = _sample(root, path, class_name(own[skip + parted]))
        samples.append(replace(sample, part=_PARTS[own[skip].lower()]) if parted else sample)
    return samples, rejected


def _split(parts: list[list[str]], level: int) -> bool:
    """Whether the folders on a level are train and test."""
    names = {own[level].lower() for own in parts if len(own) > level + 2}
    return bool(names) and "test" in names and names <= set(_PARTS)


def _sample(root: Path, path: str, label: str) -> Sample:
    return Sample(root.name, os.fspath(root), path, _NOTHING, compound=label)

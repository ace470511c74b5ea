"""Read the labels of a user's pictures of compound expressions, from a folder or zip. Pictures are not decoded.

Three layouts are supported:

- RAF-DB's compound layout (``fbn.data.sources.rafdb``), with training and test split;
- a table ``file,class`` beside the pictures: ``labels.csv``, or EmotioNet's ``emotionet_classes.csv`` with ``images/``;
- one folder per class, optionally inside ``train/`` and ``test/``.
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
#: Limits, so that a malicious zip cannot fill memory or disk: number of pictures, number of files, bytes of a file, and
#: bytes of all files.
MAX_PICTURES, MAX_FILES, MAX_BYTES, MAX_TOTAL = 50_000, 200_000, 64 * 2**20, 16 * 2**30
#: Accepted names of the columns of a label file, in order of preference.
_FILE = ("file", "filename", "file name", "image", "picture", "path")
_CLASS = ("class", "label", "expression", "emotion")
_LIST = f"{rafdb.COMPOUND_FOLDER}/list_patition_label.txt"
#: Folder name -> split.
_PARTS = {"train": "train", "valid": "train", "val": "train", "test": "test"}
_LAYOUTS = (
    f"expected RAF-DB's compound layout ({_LIST}), {LABELS} or {emotionet.CLASSES} (file,class) beside the pictures, "
    "or one folder of pictures a class"
)
_NOTHING = Annotations.empty()
#: Order of the classes; others follow by name.
_ORDER = (*COMPOUND_RAFDB, *CLASSES_EMOTIONET, *COMPOUND_EXPRESSIONS, *EXPRESSION_INDEX)


@dataclass(frozen=True)
class Labelled:
    """Labelled pictures of one folder or zip.

    Attributes:
        layout: ``"rafdb-compound"``, ``"csv"`` or ``"folders"``.
        samples: labelled pictures, sorted by path; ``compound`` is the class.
        classes: classes of the samples; those of the vocabulary first, in its order.
        rejected: rows without a picture, pictures without a label.
    """

    layout: str
    samples: tuple[Sample, ...]
    classes: tuple[str, ...]
    rejected: tuple[Rejected, ...]


def read_labels(root: Path) -> Labelled:
    """Read the labels of a folder or zip.

    Raises:
        MissingFileError: ``root`` does not exist.
        FormatError: none of the layouts, an invalid label file, a zip with paths that lead out of it, or a limit is
            exceeded.
    """
    if root.is_file():
        _check_zip(root)
    files = list_files(root)
    if len(files) > MAX_FILES:
        raise FormatError(f"{root}: {len(files)} files, expected at most {MAX_FILES}")
    pictures = [path for path in files if PurePosixPath(path).suffix.lower() in PICTURE_SUFFIXES]
    if rafdb_root := _rafdb_root(root, files):
        layout, (samples, rejected) = rafdb.COMPOUND, _rafdb(rafdb_root)
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
    classes = tuple(sorted({sample.compound for sample in samples}, key=_class_order))
    return Labelled(layout, tuple(samples), classes, tuple(rejected))


def class_name(text: str) -> str:
    """Normalise the name of a class: ``Happily_Surprised`` becomes ``happily surprised``."""
    return " ".join(re.split(r"[\s_-]+", text.strip())).lower()


def _class_order(name: str) -> tuple[int, str]:
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
    """Return the root of RAF-DB's compound layout: ``root``, a folder in it, or its parent; None if there is none."""
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
    """Return the label file that is closest to the root, or None."""
    named = [path for path in files if PurePosixPath(path).name.lower() in (LABELS, emotionet.CLASSES)]
    return min(named, key=lambda path: (path.count("/"), path)) if named else None


def label_rows(content: bytes) -> list[tuple[int, str, str]]:
    """Return line, file and class of each row of a label file; see ``fbn.sheets`` for the accepted formats.

    The columns may have other names (``File,Class``, ``image;label``), and there may be more. The header may be missing
    if there are two columns and the first contains names of pictures.

    Raises:
        FormatError: the columns are missing, or the file is not a table; the message names the line.
    """
    sheet = sheets.read(sheets.decode(content))
    names = [" ".join(re.split(r"[\s_-]+", name.lower())) for name in sheet.header]
    file, label = (next((names.index(name) for name in known if name in names), None) for known in (_FILE, _CLASS))
    rows = sheet.rows
    if file is None and len(names) == 2 and PurePosixPath(names[0]).suffix in PICTURE_SUFFIXES:
        file, label, rows = 0, 1, ((sheet.line, sheet.header), *rows)
    if file is None or label is None:
        found = ",".join(sheet.header)[:60]
        raise FormatError(f"line {sheet.line}: expected a header file,class but found {found!r}")
    return [(line, cells[file].strip(), cells[label].strip()) for line, cells in rows]


class _Files:
    """Finds pictures by inexact names: with backslashes, in another case, without a suffix, with an absolute path."""

    def __init__(self, pictures: Iterable[str], base: PurePosixPath) -> None:
        self._paths = set(pictures)
        self._folders = (base, base / emotionet.PICTURES)
        self._similar: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            for name in (path, str(PurePosixPath(path).with_suffix(""))):
                self._similar[_normalised(name)].append(path)

    def find(self, name: str) -> list[str]:
        """Return the pictures that match a name: none, one, or several if it is ambiguous."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        # of an absolute path from another machine, try every trailing part
        absolute = name.startswith("/") or re.match(r"[A-Za-z]:", name)
        ends = [PurePosixPath(*parts[start:]) for start in (range(1, len(parts)) if absolute else [0])]
        candidates = [str(folder / end) for end in (PurePosixPath(name), *ends) for folder in self._folders]
        if exact := [path for path in candidates if path in self._paths]:
            return exact[:1]
        return next((similar for path in candidates if (similar := self._similar.get(_normalised(path)))), [])


def _normalised(name: str) -> str:
    # macOS stores accents as separate combining characters
    return unicodedata.normalize("NFC", name).casefold()


def _csv(root: Path, labels: str, pictures: Iterable[str]) -> tuple[list[Sample], list[Rejected]]:
    all_pictures, samples, rejected = set(pictures), [], []
    files = _Files(all_pictures, PurePosixPath(labels).parent)
    seen: dict[str, int] = {}
    try:
        rows = label_rows(read_file(root, labels))
    except FormatError as error:
        raise FormatError(f"{root}: {labels}, {error}") from None
    for line, name, text in rows:
        label, matches = class_name(text), files.find(name)
        path = matches[0] if len(matches) == 1 else None
        if path is None:
            reason = f"may be any of {', '.join(sorted(matches))}" if matches else "picture not present"
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
    rejected += [Rejected(path, 0, "no label") for path in sorted(all_pictures - set(seen))]
    return samples, rejected


def _folders(root: Path, pictures: Iterable[str]) -> tuple[list[Sample], list[Rejected]]:
    paths = sorted(pictures)
    parts = [path.split("/") for path in paths]
    # skip a single top folder, as in a zip of a folder
    inside = {tuple(names[:2]) for names in parts if len(names) > 2}
    skip = int(len({names[0] for names in parts if len(names) > 1}) == 1 and len(inside) > 1)
    has_splits = _has_splits(parts, skip)
    samples, rejected = [], []
    for path, names in zip(paths, parts, strict=True):
        if len(names) < skip + has_splits + 2:
            rejected.append(Rejected(path, 0, "no label"))
            continue
        sample = _sample(root, path, class_name(names[skip + has_splits]))
        samples.append(replace(sample, part=_PARTS[names[skip].lower()]) if has_splits else sample)
    return samples, rejected


def _has_splits(parts: list[list[str]], level: int) -> bool:
    """Whether the folders on a level are train and test."""
    names = {path[level].lower() for path in parts if len(path) > level + 2}
    return bool(names) and "test" in names and names <= set(_PARTS)


def _sample(root: Path, path: str, label: str) -> Sample:
    return Sample(root.name, os.fspath(root), path, _NOTHING, compound=label)

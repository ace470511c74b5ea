"""Sets of labelled pictures that users create in the app, with uploaded pictures or a reference to another folder.

``data_folder("compound", NAME)`` contains ``set.json`` and, unless it refers to another folder, the pictures and
``labels.csv``.
"""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from uuid import uuid4

from fbn.context import write_json
from fbn.data.compound import class_name
from fbn.data.set_labels import SetError, SetLabels
from fbn.errors import FormatError, MissingFileError, describe_os_error
from fbn.faces.files import is_clutter
from fbn.faces.pictures import PICTURE_SUFFIXES
from fbn.resources import data_folder, make_folder, whole_file

ABOUT = "set.json"
#: Limits: bytes of a picture, pictures and bytes of a set. A larger one is not copied but referred to.
MAX_PICTURE_BYTES, MAX_PICTURES, MAX_BYTES = 30_000_000, 10_000, 2_000_000_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_MAX_STEM = 80
#: Number of classes of a set, and length of a class name.
_MAX_CLASSES, _MAX_CLASS_NAME = 50, 60

#: Name of a file, and a function that reads its contents.
Incoming = tuple[str, Callable[[], bytes]]


@dataclass(frozen=True)
class PictureSet:
    """A set of pictures.

    Attributes:
        name: name of its folder.
        folder: its folder.
        classes: classes to label with, in order.
        data: the folder or zip that it refers to; None if ``folder`` contains the pictures.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    data: Path | None = None

    @property
    def source(self) -> Path:
        """The folder or zip with the pictures."""
        return self.data or self.folder

    @property
    def labels(self) -> SetLabels:
        """The labels in ``folder``, for a set that contains its pictures."""
        return SetLabels(self.folder)

    def files(self) -> list[str]:
        """Return the sorted names of the pictures in ``folder``; empty for a set that refers to another folder."""
        if self.data is not None:
            return []
        try:
            return sorted(name for name in os.listdir(self.folder) if is_picture(name))
        except OSError as error:
            raise SetError(describe_os_error(error, self.folder)) from None

    def with_classes(self, classes: Sequence[str]) -> "PictureSet":
        """Change the classes, also on disk.

        Raises:
            SetError: fewer than two classes, an invalid name, or a class of labelled pictures is missing.
        """
        unique = tuple(dict.fromkeys(map(class_name, classes)))
        for name in unique:
            if not name or len(name) > _MAX_CLASS_NAME or not name.isprintable() or set(name) & set('/\\,"'):
                raise SetError(f"class {name!r}: expected up to {_MAX_CLASS_NAME} characters, no comma, quote or slash")
        if not 2 <= len(unique) <= _MAX_CLASSES:
            raise SetError(f"{len(unique)} classes: expected 2 to {_MAX_CLASSES}")
        if left := sorted(set(self.labels.read().values()) - set(unique)):
            raise SetError(f"{', '.join(left)}: pictures are still labelled so; give them another label first")
        _write(self.folder, unique, self.data)
        return PictureSet(self.name, self.folder, unique, self.data)

    def add(self, incoming: Iterable[Incoming], labels: Mapping[str, str] = MappingProxyType({})) -> "AddedPictures":
        """Add pictures and optionally their labels. Files that are too large or not pictures are rejected and listed.

        Args:
            incoming: name (its folders are dropped) and contents of each file.
            labels: incoming name -> class.

        Raises:
            SetError: the disk is full, or the set would exceed a limit; pictures added so far are kept.
        """
        added: list[str] = []
        rejected: list[str] = []
        files = self.files()
        names = {name.lower() for name in files}
        size = sum((self.folder / name).stat().st_size for name in files)
        added_labels: dict[str, str] = {}
        try:
            for name, read in incoming:
                if not is_picture(PurePosixPath(name).name):
                    rejected.append(f"{name}: not a picture ({', '.join(sorted(PICTURE_SUFFIXES))})")
                    continue
                contents = read()
                if not 0 < len(contents) <= MAX_PICTURE_BYTES:
                    rejected.append(f"{name}: {len(contents):,} bytes, expected 1 to {MAX_PICTURE_BYTES:,}")
                    continue
                size += len(contents)
                if len(names) >= MAX_PICTURES or size > MAX_BYTES:
                    raise SetError(
                        f"{self.name}: a set holds at most {MAX_PICTURES:,} pictures and {MAX_BYTES // 10**9} GB; "
                        f"{len(added):,} were taken. Put more into a folder on this machine, and point at that"
                    )
                safe = _free(name, names)
                with whole_file(self.folder / safe) as unfinished:
                    unfinished.write_bytes(contents)
                names.add(safe.lower())
                added.append(safe)
                if label := labels.get(name):
                    added_labels[safe] = label
        except OSError as error:
            raise SetError(describe_os_error(error, self.folder)) from None
        finally:
            if added_labels:
                self.labels.put(added_labels, undoable=False)
        return AddedPictures(tuple(added), tuple(rejected))


@dataclass(frozen=True)
class AddedPictures:
    """Names of the added pictures in the set, and a message with the reason for each rejected file."""

    names: tuple[str, ...]
    rejected: tuple[str, ...]


class PictureSets:
    """The sets in one folder.

    Args:
        folder: the folder; None: ``compound`` in the user's data folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or data_folder("compound")

    def names(self) -> list[str]:
        """Return the sorted names of all sets."""
        names = (path.parent.name for path in self.folder.glob(f"*/{ABOUT}"))
        return sorted(name for name in names if _NAME.fullmatch(name))

    def open(self, name: str) -> PictureSet:
        """Open a set.

        Raises:
            MissingFileError: the set does not exist.
            FormatError: its ``set.json`` is invalid.
        """
        path = self._folder(name) / ABOUT
        try:
            about = json.loads(path.read_bytes())
            classes, data = tuple(map(str, about["classes"])), about["data"]
        except OSError:
            raise MissingFileError(f"no set {name!r}: it was removed, or never there") from None
        except (ValueError, KeyError, TypeError):
            raise FormatError(f"{path}: expected classes and data") from None
        # a path inside the set is stored relative to it, so that the set can be moved
        return PictureSet(name, path.parent, classes, None if data is None else path.parent / data)

    def create(self, name: str, classes: Sequence[str], data: str | None = None) -> PictureSet:
        """Create a set.

        Args:
            name: letters, digits, - and _.
            classes: classes to label with.
            data: folder or zip that it refers to; None: pictures are added to its folder.

        Raises:
            SetError: an invalid or existing name, or the disk is full.
        """
        folder = self._folder(name)
        if (folder / ABOUT).exists():
            raise SetError(f"{name!r} is there already: expected another name")
        try:
            make_folder(folder)
            _write(folder, classes, data)
        except OSError as error:
            raise SetError(describe_os_error(error, folder)) from None
        return self.open(name)

    def free_name(self, stem: str) -> str:
        """Return ``stem``, with a number appended if a set of that name exists."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:50] or "set"
        taken = {path.name.lower() for path in self.folder.glob("*")}
        return next(name for i in range(1, 10_000) if (name := stem if i == 1 else f"{stem}-{i}").lower() not in taken)

    def delete(self, name: str) -> str:
        """Hide a set and return a token for ``restore``; pictures in another folder are not touched."""
        folder = self.open(name).folder
        token = f".deleted-{name}-{uuid4().hex[:8]}"
        try:
            folder.rename(self.folder / token)
        except OSError as error:
            raise SetError(describe_os_error(error, folder)) from None
        return token

    def restore(self, token: str) -> str:
        """Restore a deleted set, under another name if its name exists, and return the name."""
        name = self.free_name(token.removeprefix(".deleted-").rpartition("-")[0])
        try:
            (self.folder / token).rename(self.folder / name)
        except OSError as error:
            raise SetError(describe_os_error(error, self.folder / name)) from None
        return name

    def _folder(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise SetError(f"{name!r}: expected a name of up to 60 letters, digits, - and _")
        return self.folder / name


def _write(folder: Path, classes: Sequence[str], data: str | Path | None) -> None:
    write_json(folder / ABOUT, {"classes": list(classes), "data": None if data is None else str(data)})


def is_picture(name: str) -> bool:
    """Whether a file's name is that of a picture, not of a file that the operating system left."""
    return Path(name).suffix.lower() in PICTURE_SUFFIXES and not is_clutter(name)


def _free(name: str, taken: set[str]) -> str:
    """Return a file's name without folders and unsafe characters, with a number appended if it exists."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = "".join(c if c.isalnum() or c in " -_.()" else "-" for c in path.stem).strip(" .")[:_MAX_STEM] or "picture"
    names = (f"{stem}{mark}{path.suffix.lower()}" for mark in ("", *(f" ({i})" for i in range(2, MAX_PICTURES + 2))))
    return next(candidate for candidate in names if candidate.lower() not in taken)

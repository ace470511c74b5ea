"""Sets of pictures for the Compound page: the user's own, or somebody else's folder pointed at; without Streamlit.

``data_folder("compound", NAME)`` holds ``set.json`` and, of an own set, pictures with ``labels.csv`` beside them.
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
from fbn.errors import FormatError, MissingFileError
from fbn.faces.files import is_clutter
from fbn.faces.pictures import PICTURE_SUFFIXES
from fbn.jobs.queue import words_of
from fbn.resources import data_folder, make_folder, whole_file
from fbn.ui.compound.labels import Labels, SetError

ABOUT = "set.json"
#: A picture's bytes; a set's pictures and bytes. Larger sets belong into a folder of their own, pointed at.
MOST_EACH, MOST_PICTURES, MOST_BYTES = 30_000_000, 10_000, 2_000_000_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_LONGEST = 80
#: A class's name in a file of labels, in a folder's name, beside a key on the page.
_MOST_CLASSES, _LONGEST_CLASS = 50, 60

#: Name of a file, and what reads its contents.
Incoming = tuple[str, Callable[[], bytes]]


@dataclass(frozen=True)
class PictureSet:
    """One set.

    Attributes:
        name: of its folder.
        folder: where its files are.
        classes: to choose among, in order.
        data: the folder or zip it points at; None of a set with pictures of its own.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    data: Path | None = None

    @property
    def source(self) -> Path:
        """What is read for training."""
        return self.data or self.folder

    @property
    def labels(self) -> Labels:
        """Of an own set."""
        return Labels(self.folder)

    def files(self) -> list[str]:
        """Names of an own set's pictures, sorted."""
        if self.data is not None:
            return []
        try:
            return sorted(name for name in os.listdir(self.folder) if _is_picture(name))
        except OSError as error:
            raise SetError(words_of(error, self.folder)) from None

    def with_classes(self, classes: Sequence[str]) -> "PictureSet":
        """The same set with other classes, on disk too.

        Raises:
            SetError: no two of them, an impossible name, or one that pictures still have is missing.
        """
        asked = tuple(dict.fromkeys(map(class_name, classes)))
        for name in asked:
            if not name or len(name) > _LONGEST_CLASS or not name.isprintable() or set(name) & set('/\\,"'):
                raise SetError(f"class {name!r}: expected up to {_LONGEST_CLASS} characters, no comma, quote or slash")
        if not 2 <= len(asked) <= _MOST_CLASSES:
            raise SetError(f"{len(asked)} classes: expected 2 to {_MOST_CLASSES}")
        if left := sorted(set(self.labels.read().values()) - set(asked)):
            raise SetError(f"{', '.join(left)}: pictures are still labelled so; give them another label first")
        _write(self.folder, asked, self.data)
        return PictureSet(self.name, self.folder, asked, self.data)

    def add(self, incoming: Iterable[Incoming], labels: Mapping[str, str] = MappingProxyType({})) -> "Added":
        """Take pictures in, with labels where they bring some. Those too large or of another kind are left out, named.

        Args:
            incoming: name (folders in it are dropped) and contents of each.
            labels: class by name, of those that have one.

        Raises:
            SetError: the disk is full, or the set would grow too large; what was taken until then stays.
        """
        taken: list[str] = []
        left: list[str] = []
        files = self.files()
        names = {name.lower() for name in files}
        size = sum((self.folder / name).stat().st_size for name in files)
        given: dict[str, str] = {}
        try:
            for name, read in incoming:
                if not _is_picture(PurePosixPath(name).name):
                    left.append(f"{name}: not a picture ({', '.join(sorted(PICTURE_SUFFIXES))})")
                    continue
                contents = read()
                if not 0 < len(contents) <= MOST_EACH:
                    left.append(f"{name}: {len(contents):,} bytes, expected 1 to {MOST_EACH:,}")
                    continue
                size += len(contents)
                if len(names) >= MOST_PICTURES or size > MOST_BYTES:
                    raise SetError(
                        f"{self.name}: a set holds at most {MOST_PICTURES:,} pictures and {MOST_BYTES // 10**9} GB; "
                        f"{len(taken):,} were taken. Put more into a folder on this machine, and point at that"
                    )
                safe = _free(name, names)
                with whole_file(self.folder / safe) as unfinished:
                    unfinished.write_bytes(contents)
                names.add(safe.lower())
                taken.append(safe)
                if label := labels.get(name):
                    given[safe] = label
        except OSError as error:
            raise SetError(words_of(error, self.folder)) from None
        finally:
            if given:
                self.labels.put(given, undoable=False)
        return Added(tuple(taken), tuple(left))


@dataclass(frozen=True)
class Added:
    """Pictures taken in, by their names in the set; those left out, and why."""

    taken: tuple[str, ...]
    left: tuple[str, ...]


class Sets:
    """The sets in one folder.

    Args:
        folder: where; None: ``compound`` in the user's data folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or data_folder("compound")

    def names(self) -> list[str]:
        """All sets, sorted."""
        found = (path.parent.name for path in self.folder.glob(f"*/{ABOUT}"))
        return sorted(name for name in found if _NAME.fullmatch(name))

    def open(self, name: str) -> PictureSet:
        """One set.

        Raises:
            MissingFileError: there is none of that name.
            FormatError: its ``set.json`` is damaged.
        """
        path = self._of(name) / ABOUT
        try:
            about = json.loads(path.read_bytes())
            classes, data = tuple(map(str, about["classes"])), about["data"]
        except OSError:
            raise MissingFileError(f"no set {name!r}: it was removed, or never there") from None
        except (ValueError, KeyError, TypeError):
            raise FormatError(f"{path}: expected classes and data") from None
        # relative to the set where it lies in it, so that the whole may be moved
        return PictureSet(name, path.parent, classes, None if data is None else path.parent / data)

    def create(self, name: str, classes: Sequence[str], data: str | None = None) -> PictureSet:
        """A new set.

        Args:
            name: letters, digits, - and _.
            classes: to choose among.
            data: folder or zip that it points at; None: it will hold its own pictures.

        Raises:
            SetError: an impossible name, one that is taken, or the disk is full.
        """
        folder = self._of(name)
        if (folder / ABOUT).exists():
            raise SetError(f"{name!r} is there already: expected another name")
        try:
            make_folder(folder)
            _write(folder, classes, data)
        except OSError as error:
            raise SetError(words_of(error, folder)) from None
        return self.open(name)

    def free_name(self, stem: str) -> str:
        """A name that is not taken yet."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", stem).strip("-")[:50] or "set"
        taken = {path.name.lower() for path in self.folder.glob("*")}
        return next(name for i in range(1, 10_000) if (name := stem if i == 1 else f"{stem}-{i}").lower() not in taken)

    def delete(self, name: str) -> str:
        """Put a set aside; pictures that it only points at are not touched. Returns what ``restore`` needs."""
        folder = self.open(name).folder
        token = f".deleted-{name}-{uuid4().hex[:8]}"
        try:
            folder.rename(self.folder / token)
        except OSError as error:
            raise SetError(words_of(error, folder)) from None
        return token

    def restore(self, token: str) -> str:
        """Bring a deleted set back, under a free name where its own is taken. Returns the name."""
        name = self.free_name(token.removeprefix(".deleted-").rpartition("-")[0])
        try:
            (self.folder / token).rename(self.folder / name)
        except OSError as error:
            raise SetError(words_of(error, self.folder / name)) from None
        return name

    def _of(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise SetError(f"{name!r}: expected a name of up to 60 letters, digits, - and _")
        return self.folder / name


def _write(folder: Path, classes: Sequence[str], data: str | Path | None) -> None:
    write_json(folder / ABOUT, {"classes": list(classes), "data": None if data is None else str(data)})


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in PICTURE_SUFFIXES and not is_clutter(name)


def _free(name: str, taken: set[str]) -> str:
    """A file's name without folders and signs that file systems or tables trip over, numbered where it is taken."""
    path = PurePosixPath(name.replace("\\", "/"))
    stem = "".join(c if c.isalnum() or c in " -_.()" else "-" for c in path.stem).strip(" .")[:_LONGEST] or "picture"
    names = (f"{stem}{mark}{path.suffix.lower()}" for mark in ("", *(f" ({i})" for i in range(2, MOST_PICTURES + 2))))
    return next(candidate for candidate in names if candidate.lower() not in taken)

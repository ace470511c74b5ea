"""Uploaded pictures and zips into a set: nothing is taken before it is clear how much that will be; no Streamlit."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from fbn.data import compound
from fbn.data.sources import emotionet
from fbn.errors import FbnError, FormatError
from fbn.faces.files import is_clutter
from fbn.faces.pictures import PICTURE_SUFFIXES
from fbn.inference.uploads import Upload
from fbn.jobs.queue import words_of
from fbn.ui.compound.labels import SetError
from fbn.ui.compound.sets import MOST_BYTES, MOST_EACH, MOST_PICTURES, Added, Incoming, PictureSet, Sets

#: Pictures hardly shrink in a zip; what shrinks more than this is made to fill a disk.
_MOST_SHRUNK, _SMALL = 200, 1_000_000
_ENCRYPTED = 1
_LABEL_FILES = {compound.LABELS, emotionet.CLASSES, "list_patition_label.txt"}
_KEPT = "data.zip"


@dataclass(frozen=True)
class _Batch:
    """Pictures that arrived together; their classes by name, where they brought some; the zip if it has parts."""

    incoming: list[Incoming]
    labels: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    parted: Path | None = None


def make(sets: Sets, name: str, classes: Sequence[str], uploads: Sequence[Upload]) -> tuple[PictureSet, Added]:
    """A set of uploaded pictures. A zip with labels brings its classes; one with official parts stays as it is.

    Raises:
        FbnError: a zip that cannot be taken (then there is no set), a name that is taken, or the disk is full.
    """
    with ExitStack() as stack:
        batches = [stack.enter_context(_batch(upload)) for upload in uploads]
        brought = tuple(dict.fromkeys(name for batch in batches for name in batch.classes))
        if len(batches) == 1 and (parted := batches[0].parted):
            return _keep(sets, name, brought, parted), Added((), ())
        chosen = sets.create(name, brought or tuple(classes))
        return chosen, _added(chosen, batches)


def add(chosen: PictureSet, uploads: Sequence[Upload]) -> tuple[PictureSet, Added]:
    """More pictures for a set, with their classes where a zip has some. Raises FbnError, as ``make``."""
    with ExitStack() as stack:
        batches = [stack.enter_context(_batch(upload)) for upload in uploads]
        brought = [name for batch in batches for name in batch.classes]
        if set(brought) - set(chosen.classes):
            chosen = chosen.with_classes([*chosen.classes, *brought])
        return chosen, _added(chosen, batches)


def _added(chosen: PictureSet, batches: Sequence[_Batch]) -> Added:
    parts = [chosen.add(batch.incoming, batch.labels) for batch in batches]
    return Added(
        tuple(name for part in parts for name in part.taken), tuple(why for part in parts for why in part.left)
    )


def _keep(sets: Sets, name: str, classes: Sequence[str], archive: Path) -> PictureSet:
    chosen = sets.create(name, classes, _KEPT)
    try:
        shutil.copyfile(archive, chosen.folder / _KEPT)
    except OSError as error:
        shutil.rmtree(chosen.folder, ignore_errors=True)
        raise SetError(words_of(error, chosen.folder)) from None
    return chosen


@contextmanager
def _batch(upload: Upload) -> Iterator[_Batch]:
    if Path(upload.name).suffix.lower() != ".zip":
        yield _Batch([(upload.name, upload.getvalue)])
        return
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, _KEPT)
        try:
            path.write_bytes(upload.getvalue())
            with ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                _check(upload.name, entries)
                wanted = [entry.filename for entry in entries if _wanted(entry.filename)]
                read: list[Incoming] = [(own, partial(_read, archive, upload.name, own)) for own in wanted]
                yield _labelled(path, upload.name, read, [entry.filename for entry in entries])
        # zipfile raises the last of them for a compression that it does not know
        except (BadZipFile, LargeZipFile, NotImplementedError) as error:
            raise FormatError(f"{upload.name}: cannot be read as a zip archive ({error})") from None
        except OSError as error:
            raise SetError(words_of(error, path)) from None


def _labelled(path: Path, name: str, incoming: list[Incoming], files: Sequence[str]) -> _Batch:
    """The labels that a zip brings, if it looks like bringing some."""
    folders = {PurePosixPath(own).parent for own, _ in incoming}
    if len(folders) < 2 and not _LABEL_FILES & {PurePosixPath(own).name.lower() for own in files}:
        return _Batch(incoming)
    try:
        found = compound.read_labels(path)
    except FbnError as error:
        raise FormatError(str(error).replace(str(path), name)) from None
    labels = {sample.path: sample.compound for sample in found.samples}
    return _Batch(incoming, labels, found.classes, path if any(s.part for s in found.samples) else None)


def _check(name: str, entries: Sequence[ZipInfo]) -> None:
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise FormatError(f"{name}: {entry.filename!r} would lie outside the archive's folder; nothing was taken")
        if entry.flag_bits & _ENCRYPTED:
            raise FormatError(f"{name}: it is encrypted; expected one without a password")
        if entry.file_size > max(_SMALL, _MOST_SHRUNK * entry.compress_size):
            raise FormatError(
                f"{name}: {entry.filename!r} would grow from {entry.compress_size:,} to {entry.file_size:,} bytes, as "
                "no picture does; nothing was taken"
            )
    wanted = [entry for entry in entries if _wanted(entry.filename)]
    total = sum(entry.file_size for entry in entries)
    if len(wanted) > MOST_PICTURES or total > MOST_BYTES:
        raise FormatError(
            f"{name}: {len(wanted):,} pictures, {total / 1e9:.1f} GB unpacked; expected at most {MOST_PICTURES:,} and "
            f"{MOST_BYTES / 1e9:.0f} GB. Put them into a folder on this machine, and point at that"
        )
    if not wanted:
        kinds = Counter(Path(entry.filename).suffix.lower() or "without a suffix" for entry in entries)
        found = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3)) or "it is empty"
        raise FormatError(f"{name}: no picture in it ({found}); expected {', '.join(sorted(PICTURE_SUFFIXES))}")


def _wanted(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES and not is_clutter(name)


def _read(archive: ZipFile, name: str, own: str) -> bytes:
    try:
        with archive.open(own) as file:
            return file.read(MOST_EACH + 1)
    except (BadZipFile, EOFError, ValueError, RuntimeError) as error:
        raise FormatError(f"{name}: {own} is damaged in the archive ({error})") from None

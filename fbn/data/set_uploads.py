"""Add uploaded pictures and zip files to a set; a zip is checked completely before it is unpacked."""

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
from fbn.data.picture_sets import (
    MAX_BYTES,
    MAX_PICTURE_BYTES,
    MAX_PICTURES,
    AddedPictures,
    Incoming,
    PictureSet,
    PictureSets,
    is_picture,
)
from fbn.data.set_labels import SetError
from fbn.data.sources import emotionet
from fbn.errors import FbnError, FormatError, describe_os_error
from fbn.faces.pictures import PICTURE_SUFFIXES

#: Pictures are hardly compressible: a larger file with a higher compression ratio counts as a zip bomb.
_MAX_SHRINKAGE, _SMALL = 200, 1_000_000
#: Bit of a zip entry's flags.
_ENCRYPTED = 1
_LABEL_FILES = {compound.LABELS, emotionet.CLASSES, "list_patition_label.txt"}
_ARCHIVE = "data.zip"


@dataclass(frozen=True)
class _Batch:
    """The contents of one upload.

    Attributes:
        incoming: the pictures.
        labels: incoming name -> class; empty where the upload has no labels.
        classes: classes of ``labels``.
        archive: the zip, if it has an official training and test split.
    """

    incoming: Sequence[Incoming]
    labels: dict[str, str] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    archive: Path | None = None


def create_from_uploads(
    sets: PictureSets, name: str, classes: Sequence[str], uploads: Sequence[Incoming]
) -> tuple[PictureSet, AddedPictures]:
    """Create a set from uploads. Labels in a zip replace ``classes``; a zip with official splits is stored unchanged.

    Args:
        sets: collection to create the set in.
        name: name of the set.
        classes: classes to label with.
        uploads: name and contents of each picture or zip file.

    Raises:
        FbnError: an unusable zip (no set is created), an existing name, or the disk is full.
    """
    with ExitStack() as stack:
        batches = [stack.enter_context(_batch(upload)) for upload in uploads]
        labelled = tuple(dict.fromkeys(name for batch in batches for name in batch.classes))
        if len(batches) == 1 and (archive := batches[0].archive):
            return _store_archive(sets, name, labelled, archive), AddedPictures((), ())
        chosen = sets.create(name, labelled or tuple(classes))
        return chosen, _add(chosen, batches)


def add_uploads(chosen: PictureSet, uploads: Sequence[Incoming]) -> AddedPictures:
    """Add uploads to a set, with the labels and classes of a zip. Raises as ``create_from_uploads``."""
    with ExitStack() as stack:
        batches = [stack.enter_context(_batch(upload)) for upload in uploads]
        labelled = [name for batch in batches for name in batch.classes]
        if set(labelled) - set(chosen.classes):
            chosen = chosen.with_classes([*chosen.classes, *labelled])
        return _add(chosen, batches)


def _add(chosen: PictureSet, batches: Sequence[_Batch]) -> AddedPictures:
    parts = [chosen.add(batch.incoming, batch.labels) for batch in batches]
    names = tuple(name for part in parts for name in part.names)
    return AddedPictures(names, tuple(line for part in parts for line in part.rejected))


def _store_archive(sets: PictureSets, name: str, classes: Sequence[str], archive: Path) -> PictureSet:
    chosen = sets.create(name, classes, _ARCHIVE)
    try:
        shutil.copyfile(archive, chosen.folder / _ARCHIVE)
    except OSError as error:
        shutil.rmtree(chosen.folder, ignore_errors=True)
        raise SetError(describe_os_error(error, chosen.folder)) from None
    return chosen


@contextmanager
def _batch(upload: Incoming) -> Iterator[_Batch]:
    name, read = upload
    if Path(name).suffix.lower() != ".zip":
        yield _Batch([upload])
        return
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, _ARCHIVE)
        try:
            path.write_bytes(read())
            with ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                _check(name, entries)
                files = [entry.filename for entry in entries]
                incoming = [(file, partial(_read_member, archive, name, file)) for file in files if is_picture(file)]
                yield _with_labels(path, name, incoming, files)
        # NotImplementedError: a compression method that zipfile does not support
        except (BadZipFile, LargeZipFile, NotImplementedError) as error:
            raise FormatError(f"{name}: cannot be read as a zip archive ({error})") from None
        except OSError as error:
            raise SetError(describe_os_error(error, path)) from None


def _with_labels(path: Path, name: str, incoming: Sequence[Incoming], files: Sequence[str]) -> _Batch:
    """Read the labels of a zip that has several folders or a label file."""
    folders = {PurePosixPath(file).parent for file, _ in incoming}
    if len(folders) < 2 and not _LABEL_FILES & {PurePosixPath(file).name.lower() for file in files}:
        return _Batch(incoming)
    try:
        labelled = compound.read_labels(path)
    except FbnError as error:
        raise FormatError(str(error).replace(str(path), name)) from None
    labels = {sample.path: sample.compound for sample in labelled.samples}
    has_parts = any(sample.part for sample in labelled.samples)
    return _Batch(incoming, labels, labelled.classes, path if has_parts else None)


def _check(name: str, entries: Sequence[ZipInfo]) -> None:
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise FormatError(f"{name}: {entry.filename!r} would lie outside the archive's folder; nothing was taken")
        if entry.flag_bits & _ENCRYPTED:
            raise FormatError(f"{name}: it is encrypted; expected one without a password")
        if entry.file_size > max(_SMALL, _MAX_SHRINKAGE * entry.compress_size):
            raise FormatError(
                f"{name}: {entry.filename!r} would grow from {entry.compress_size:,} to {entry.file_size:,} bytes, as "
                "no picture does; nothing was taken"
            )
    pictures = [entry for entry in entries if is_picture(entry.filename)]
    total = sum(entry.file_size for entry in entries)
    if len(pictures) > MAX_PICTURES or total > MAX_BYTES:
        raise FormatError(
            f"{name}: {len(pictures):,} pictures, {total / 1e9:.1f} GB unpacked; expected at most {MAX_PICTURES:,} and "
            f"{MAX_BYTES / 1e9:.0f} GB. Put them into a folder on this machine, and point at that"
        )
    if not pictures:
        kinds = Counter(Path(entry.filename).suffix.lower() or "without a suffix" for entry in entries)
        suffixes = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(3)) or "it is empty"
        raise FormatError(f"{name}: no picture in it ({suffixes}); expected {', '.join(sorted(PICTURE_SUFFIXES))}")


def _read_member(archive: ZipFile, name: str, file: str) -> bytes:
    try:
        with archive.open(file) as contents:
            return contents.read(MAX_PICTURE_BYTES + 1)
    except (BadZipFile, EOFError, ValueError, RuntimeError) as error:
        raise FormatError(f"{name}: {file} is damaged in the archive ({error})") from None

"""Write results to a table file, row by row: constant memory, and an interruption keeps the rows written so far."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from fbn import locks, sheets
from fbn.context import deferring_signals
from fbn.errors import FbnError, FormatError
from fbn.inference.layouts import LAYOUTS, TableLayout, Value, with_compounds
from fbn.inference.results import FrameResult
from fbn.resources import check_replaceable

if TYPE_CHECKING:
    import pandas as pd

#: Suffixes of table files.
SUFFIXES = (".csv", ".parquet")
_TEXT = {
    *("input", "expression", "expression_smooth", "approx_time", "Identity"),
    *("compound", "compound_smooth"),
}
_INTEGER = {"frame", "face_id", "success"}
#: Number of rows that are written to a Parquet file at once.
_ROW_GROUP = 2048


class _Sink(Protocol):
    def write(self, row: list[Value]) -> None: ...
    def close(self) -> None: ...


class TableWriter:
    """Writes frame results into a ``.csv`` or ``.parquet`` file; use it in a ``with`` statement.

    Rows are written to ``<name>.part`` in the same folder, which is renamed at the end. An interruption (Ctrl-C, or
    SIGTERM if the process exits by ``SystemExit``) or an error keeps the rows written so far. An existing file is
    replaced only if there are rows. If the disk is full, it and ``<name>.part`` are left unchanged.

    A file has one writer at a time, across processes and threads. A ``<name>.part`` left by a killed process is
    overwritten. A symbolic link is followed.

    Args:
        path: path of the table file.
        layout: a name in ``LAYOUTS``.
        compounds: classes of compound expressions to add columns for; only for the layouts ``fbn`` and ``fbn_smooth``.

    Attributes:
        frames, faces, empty_frames: numbers written so far.

    Raises:
        FormatError: another suffix.
        FbnError: another writer has the file open, or it cannot be written (also raised by ``write`` and ``close``).
    """

    def __init__(self, path: str | Path, layout: str = "fbn", compounds: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self._layout = _layout(layout, compounds)
        self._target = Path(os.path.realpath(path))
        self._part = self._target.with_name(self._target.name + ".part")
        self.frames = self.faces = self.empty_frames = 0
        self._failed = self._closed = False
        sinks: dict[str, type[_Csv] | type[_Parquet]] = dict(zip(SUFFIXES, (_Csv, _Parquet), strict=True))
        if self.path.suffix.lower() not in sinks:
            raise FormatError(f"{self.path}: expected a name that ends in {' or '.join(SUFFIXES)}")
        with self._raising_fbn_error():
            check_replaceable(self._target)
            lock = locks.take(self._part)
            if lock is None:
                raise FbnError(f"{self.path}: another run is writing this file; wait for it, or give another name")
            self._lock = lock
            try:
                self._sink: _Sink = sinks[self.path.suffix.lower()](self._part, self._layout.columns)
            except BaseException:
                os.close(lock)
                raise

    def write(self, result: FrameResult) -> None:
        """Append one row per face, or one with empty face columns if there is none."""
        with self._raising_fbn_error():
            for face in result.faces or (None,):
                self._sink.write(list(self._layout.row(result, face)))
        self.frames += 1
        self.faces += len(result.faces)
        self.empty_frames += not result.faces

    def close(self, keep: bool = True) -> None:
        """Finish and rename the file, or delete it; further calls do nothing.

        Without rows an existing file is kept; if there is none, a table without rows is written.
        """
        if self._closed:
            return
        self._closed = True
        try:
            # an interruption here would leave a complete table under the name of an unfinished one
            with self._raising_fbn_error(), deferring_signals():
                self._sink.close()
                if self._failed:
                    return  # rows are missing: do not replace an existing table
                if keep and (self.frames or not self._target.exists()):
                    os.replace(self._part, self._target)
                else:
                    self._part.unlink()
        finally:
            os.close(self._lock)

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file; after an error without any frame, delete it."""
        self.close(keep=error is None or self.frames > 0)

    @contextmanager
    def _raising_fbn_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._failed = True
            raise FbnError(f"{self.path}: cannot be written ({error.strerror or error})") from error


def to_pandas(results: Iterable[FrameResult], layout: str = "fbn", compounds: Sequence[str] = ()) -> "pd.DataFrame":
    """Convert results to a table in memory, with the columns and types of a Parquet file of ``TableWriter``.

    Args:
        results: one row per face, or one with empty face columns for a frame without faces.
        layout: a name in ``LAYOUTS``.
        compounds: see ``TableWriter``.
    """
    chosen = _layout(layout, compounds)
    rows = _Memory(chosen.columns)
    for result in results:
        for face in result.faces or (None,):
            rows.write(list(chosen.row(result, face)))
    return rows.table().to_pandas()


def table_bytes(results: Sequence[FrameResult], suffix: str) -> bytes:
    """Return the contents of a table file of the results, with the columns of ``layout_of``.

    Args:
        results: one row per face, or one with empty face columns for a frame without faces.
        suffix: one of ``SUFFIXES``.
    """
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{suffix}")
        with TableWriter(path, *layout_of(results)) as writer:
            for result in results:
                writer.write(result)
        return path.read_bytes()


def layout_of(results: Sequence[FrameResult]) -> tuple[str, tuple[str, ...]]:
    """Return the layout and the compound classes that cover all results.

    The layout has smoothed columns if any face was smoothed; the classes are those of every scorer, in order.
    """
    faces = [face for result in results for face in result.faces]
    scorers = {id(face.affect.scorer): face.affect.scorer for face in faces if face.affect.scorer}
    classes = dict.fromkeys(name for scorer in scorers.values() for name in scorer.classes.classes)
    return "fbn_smooth" if any(face.smoothed for face in faces) else "fbn", tuple(classes)


def _layout(name: str, compounds: Sequence[str]) -> TableLayout:
    return with_compounds(name, compounds) if compounds else LAYOUTS[name]


class _Csv:
    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = sheets.Writer(self._file)
        self._writer.writerow(columns)

    def write(self, row: list[Value]) -> None:
        self._writer.writerow(f"{value:.6f}" if isinstance(value, float) else value for value in row)

    def close(self) -> None:
        self._file.close()


class _Arrow:
    """Buffers rows and converts them in groups: Arrow columns take far less memory than Python lists."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._schema = pa.schema([(name, _type(name)) for name in columns])
        self._rows: list[list[Value]] = []

    def write(self, row: list[Value]) -> None:
        self._rows.append(row)
        if len(self._rows) == _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
            self._add_group(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []  # last, so that an interruption does not lose them

    def _add_group(self, group: pa.Table) -> None:
        raise NotImplementedError


class _Parquet(_Arrow):
    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        super().__init__(columns)
        self._writer = pq.ParquetWriter(path, self._schema)

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _add_group(self, group: pa.Table) -> None:
        self._writer.write_table(group)


class _Memory(_Arrow):
    def __init__(self, columns: tuple[str, ...]) -> None:
        super().__init__(columns)
        self._groups: list[pa.Table] = []

    def table(self) -> pa.Table:
        self._flush()
        return pa.concat_tables(self._groups) if self._groups else self._schema.empty_table()

    def _add_group(self, group: pa.Table) -> None:
        self._groups.append(group)


def _type(column: str) -> pa.DataType:
    if column in _TEXT:
        return pa.string()
    if column in _INTEGER or (column.startswith("AU") and column.endswith("_c")):
        return pa.int64()
    # timestamps of long videos need more digits than float32 has
    return pa.float64() if column == "timestamp" else pa.float32()

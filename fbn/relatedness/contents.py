"""Conversion of relatedness tables to and from file contents, for uploads and downloads."""

import tempfile
from pathlib import Path

from fbn.errors import FbnError, FormatError
from fbn.relatedness.table import RelatednessTable

#: Limit of uploads; a table with notes has about 20 kB.
_MAX_BYTES = 1024 * 1024


def table_bytes(table: RelatednessTable, suffix: str) -> bytes:
    """Return the contents of the ``.csv`` or ``.json`` file of ``table.write``."""
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{suffix}")
        table.write(path)
        return path.read_bytes()


def load_table(name: str, contents: bytes) -> RelatednessTable:
    """Read a table from the contents of a CSV or JSON file.

    Args:
        name: of the file; its suffix decides the format.
        contents: of the file.

    Raises:
        FormatError: too large, or not a table; the message names file, line and cell.
    """
    if len(contents) > _MAX_BYTES:
        raise FormatError(f"{name}: {len(contents):,} bytes: expected a table, at most {_MAX_BYTES:,} bytes")
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"table{Path(name).suffix}")
        path.write_bytes(contents)
        try:
            return RelatednessTable.read(path)
        except FbnError as error:
            raise FormatError(str(error).replace(str(path), name)) from None

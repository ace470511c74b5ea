"""Uploaded files, read through the same readers as files on disk."""

import tempfile
from pathlib import Path
from typing import Protocol

import numpy as np
import streamlit as st

from fbn.errors import FbnError
from fbn.faces.files import printable
from fbn.faces.pictures import read_picture


class Upload(Protocol):
    """The part of Streamlit's ``UploadedFile`` used here."""

    name: str

    def getvalue(self) -> bytes:
        """The contents."""
        ...


def read_upload(upload: Upload) -> np.ndarray:
    """An uploaded picture, [H, W, 3] uint8 RGB; where it is none the page says so in words and ends."""
    with tempfile.TemporaryDirectory(prefix="fbn-") as folder:
        path = Path(folder, f"picture{Path(upload.name).suffix[:8]}")
        path.write_bytes(upload.getvalue())
        try:
            return read_picture(path, lambda note: None)
        except FbnError as error:
            st.error(str(error).replace(printable(path), upload.name), icon=":material/broken_image:")
            st.stop()

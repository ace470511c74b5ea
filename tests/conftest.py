"""Shared fixtures. Real data is found through FBN_DATA; what needs it skips, counted, without."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets."""
    root = os.environ.get("FBN_DATA", "")
    if not root or not Path(root).is_dir():
        pytest.skip("FBN_DATA names no data folder")
    return Path(root)

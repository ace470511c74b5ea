"""Shared fixtures. Real data is found through FBN_DATA; what needs it skips, counted, without."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# of the same code the tests say the same each time, however slow the machine
settings.register_profile("fbn", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fbn")

if "PYTEST_XDIST_WORKER" in os.environ:
    # before torch is imported: beside others, a thread for each core waits for its turn
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def drawn_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for the faces that tests of several files ask for; processes that share the tests share it."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "drawn-once"


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data sets."""
    root = os.environ.get("FBN_DATA", "")
    if not root or not Path(root).is_dir():
        pytest.skip("FBN_DATA names no data folder")
    return Path(root)

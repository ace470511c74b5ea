"""Nothing leaves the machine: what fbn's libraries would send or leave behind, it turns off."""

import os
import subprocess
import sys
from pathlib import Path

READ_A_PICTURE = """
import numpy as np
from fbn.inference import FaceAnalyser
FaceAnalyser(detector="cascade").crops([np.zeros((112, 112, 3), np.uint8)])
"""


def test_the_network_runtime_leaves_no_trace(tmp_path: Path) -> None:
    # a machine of a person's own: the runtime keeps still by itself where CI or pytest are named
    environment = {key: os.environ[key] for key in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", READ_A_PICTURE],
        env={**environment, "HOME": str(tmp_path)},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    left = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()]
    assert not left, "device numbers and queued reports are kept in the user's cache"

"""What ``pip install .`` brings: the app, its pages and settings, the weights."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_carries_app_and_weights(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    done = subprocess.run([*command, str(ROOT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("fbn-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name.removeprefix("fbn/_bundle/"): name for name in archive.namelist() if "_bundle" in name}
        wanted = [ROOT / "app.py", ROOT / ".streamlit/config.toml", *(ROOT / "pages").glob("*.py")]
        wanted += [path for path in (ROOT / "assets").rglob("*") if path.suffix in {".onnx", ".safetensors", ".json"}]
        for path in wanted:
            name = path.relative_to(ROOT).as_posix()
            assert archive.read(held[name]) == path.read_bytes(), name

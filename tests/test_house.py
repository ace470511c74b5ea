"""The house rules that a machine can check: style, types, imports, the top level, the size of files."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fbn

ROOT = Path(__file__).resolve().parent.parent
SHAPE = {"app.py", "pyproject.toml", "README.md", "LICENSE", "fbn", "pages", "notebooks", "tests", "assets"}


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff() -> None:
    _run(sys.executable, "-m", "ruff", "check", ".")
    _run(sys.executable, "-m", "ruff", "format", "--check", ".")


def test_types() -> None:
    _run(sys.executable, "-m", "mypy", "fbn")


def test_imports_run_one_way() -> None:
    _run(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def _tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [line for line in done.stdout.splitlines() if (ROOT / line).exists()]


def test_top_level_keeps_its_shape() -> None:
    top = {name.split("/")[0] for name in _tracked()}
    assert {name for name in top if not name.startswith(".")} <= SHAPE


def test_files_stay_short() -> None:
    long = {name: n for name in _tracked() if name.endswith(".py") and (n := _lines(ROOT / name)) > 400}
    assert not long, f"over 400 lines: {long}"


def test_a_class_name_has_one_meaning() -> None:
    """No two modules of the package define a class of the same name."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "fbn").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert not {name: where for name, where in places.items() if len(where) > 1}


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_no_data_or_pictures_outside_assets() -> None:
    suffixes = (".zip", ".onnx", ".safetensors", ".npz", ".jpg", ".jpeg", ".mp4", ".png")
    strays = [name for name in _tracked() if name.endswith(suffixes) and not name.startswith("assets/")]
    assert not strays


def test_shipped_weights_are_small() -> None:
    folder = ROOT / "assets"
    weights = [path for path in folder.rglob("*") if path.suffix in {".onnx", ".safetensors"}]
    assert sum(path.stat().st_size for path in weights) < 40e6


def test_the_package_says_the_version_it_is_built_as() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"] == fbn.__version__

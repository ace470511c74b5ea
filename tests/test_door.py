"""``import fbn``: what it gives, what it loads, and that the examples of its names run and print what they show."""

import ast
import doctest
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import fbn
from fbn import metrics

ROOT = Path(__file__).resolve().parent.parent
NAMES = {
    *("Annotations", "FaceAnalyser", "FbnError", "Predictions", "Recipe", "RelatednessTable", "Task"),
    *("analyse", "evaluate", "few_shot", "load", "losses", "metrics", "synth", "train"),
}
#: Slow to import, and needed by few.
HEAVY = ("torch", "pandas", "cv2", "numpy", "scipy", "lightning", "onnxruntime", "pyarrow", "PIL", "pydantic", "typer")
#: What functions return; nobody makes one.
RETURNED = {metrics.Interval, metrics.Classification}


def _loaded(code: str) -> set[str]:
    """The modules that a fresh process has loaded after some code."""
    code += "; import json, sys; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def _public() -> dict[str, object]:
    """Every function and class that the door gives, those of its modules too."""
    found: dict[str, object] = {}
    for name in fbn.__all__:
        value = getattr(fbn, name)
        if not isinstance(value, ModuleType):
            found[name] = value
            continue
        own = getattr(value, "__all__", None) or [
            key
            for key, each in vars(value).items()
            if key[0] != "_" and getattr(each, "__module__", "") == value.__name__
        ]
        found |= {f"{name}.{key}": getattr(value, key) for key in own if callable(getattr(value, key))}
    return {name: value for name, value in found.items() if value not in RETURNED}


def test_the_names_are_these() -> None:
    assert set(fbn.__all__) == NAMES
    assert set(dir(fbn)) >= NAMES
    assert all(getattr(fbn, name) is not None for name in NAMES)
    with pytest.raises(AttributeError, match="nothing"):
        fbn.nothing  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    stub = ast.parse((ROOT / "fbn" / "__init__.pyi").read_text())
    imported = {
        alias.asname: alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    # "import X as X" is what exports a name from a stub
    assert set(imported) == NAMES
    assert all(seen == name for seen, name in imported.items())
    assert (ROOT / "fbn" / "py.typed").is_file()


def test_importing_the_package_loads_nothing_else() -> None:
    loaded = _loaded("import fbn; fbn.__version__; dir(fbn)")
    assert not loaded & set(HEAVY)
    assert {name for name in loaded if name.split(".")[0] == "fbn"} == {"fbn"}


@pytest.mark.parametrize(
    ("name", "spared"),
    [
        ("FbnError", HEAVY),
        ("RelatednessTable", ("torchvision", "pandas", "lightning", "onnxruntime")),
        ("train", ("torch", "lightning", "pandas")),
        ("FaceAnalyser", ("lightning", "pandas", "streamlit")),
        ("losses", ("lightning", "onnxruntime", "cv2")),
    ],
)
def test_a_name_loads_what_it_needs(name: str, spared: tuple[str, ...]) -> None:
    assert not _loaded(f"import fbn; fbn.{name}") & set(spared)


def test_a_name_is_the_thing_itself() -> None:
    from fbn.inference import FaceAnalyser
    from fbn.inference.analysis import analyse

    assert fbn.FaceAnalyser is FaceAnalyser
    assert fbn.analyse is analyse
    assert fbn.metrics is metrics


@pytest.mark.parametrize("name", sorted(_public()))
def test_an_example_prints_what_it_shows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value = _public()[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("FBN_HOME", str(tmp_path / "home"))
    text = inspect.getdoc(value) or ""
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert example.examples, f"{name} has no example"
    assert "import fbn" in text, "an example starts from the door"
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert not said, "".join(said)


@pytest.mark.parametrize("name", sorted(name for name in _public() if inspect.isfunction(getattr(fbn, name, None))))
def test_every_argument_is_described(name: str) -> None:
    described = (inspect.getdoc(getattr(fbn, name)) or "").partition("Args:")[2].partition("Raises:")[0]
    missing = [key for key in inspect.signature(getattr(fbn, name)).parameters if f"\n    {key}: " not in described]
    assert not missing

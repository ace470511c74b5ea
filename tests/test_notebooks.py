"""The notebooks run as they stand, and print what they show."""

import ast
import contextlib
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fbn.records import Sample
from fbn.studies import compound_ferplus, engine, faces
from fbn.studies.affect_budgets import BUDGETS
from fbn.studies.compound_ferplus import Pairs, pairs
from fbn.studies.drawn import Filmed

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))


def _code(book: Path) -> list[tuple[str, str]]:
    """(source, printed output as stored) of each code cell."""
    cells = [cell for cell in json.loads(book.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    streams = [[o["text"] for o in cell["outputs"] if o["output_type"] == "stream"] for cell in cells]
    return [("".join(c["source"]), "".join("".join(t) for t in texts)) for c, texts in zip(cells, streams, strict=True)]


def _run(source: str, space: dict[str, Any]) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.parse(source), "cell", "exec"), space)
    return printed.getvalue()


def _fewer(samples: Sequence[Sample]) -> Pairs:
    """Of the pictures that are not tested every fifth."""
    whole = pairs(samples)
    kept = whole.test | (np.arange(len(whole.test)) % 5 == 0)
    own = tuple(sample for sample, stays in zip(whole.samples, kept, strict=True) if stays)
    return replace(whole, samples=own, labels=whole.labels[kept], test=whole.test[kept])


def _here(run: Callable[..., dict[str, Any]], *asked: Any, workers: int) -> dict[str, Any]:
    """A study without further processes."""
    return run(*asked)


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_notebook_prints_what_it_shows(book: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FBN_DATA", raising=False)
    monkeypatch.setenv("FBN_CACHE", str(tmp_path))
    # the same study with a few steps and short videos: what is printed says nothing of how well it learned
    for budgets in (BUDGETS, faces.BUDGETS):
        monkeypatch.setitem(budgets, "lesson", budgets["smoke"])
    monkeypatch.setattr(Filmed, "frames", 12)
    # in this process: others would not know of the fewer steps
    monkeypatch.setattr(engine, "run", partial(_here, engine.run))
    space: dict[str, Any] = {}
    for source, shown in _code(book):
        assert _run(source, space) == shown, source


@pytest.mark.data
def test_relatedness_reads_real_data(data_root: Path) -> None:
    cells = _code(FOLDER / "relatedness.ipynb")
    space: dict[str, Any] = {}
    _run(cells[0][0], space)
    assert str(data_root) in _run('print(os.environ["FBN_DATA"])', space)
    assert "pictures with both labels, counted by people" in _run(cells[-1][0], space)


@pytest.mark.data
@pytest.mark.slow
def test_compound_reads_real_data(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a fifth of the pictures to learn from, all at once, and intervals of few rounds: what is printed tells of neither
    monkeypatch.setattr(compound_ferplus, "pairs", _fewer)
    monkeypatch.setattr(compound_ferplus, "SHOTS", (None,))
    whole = partial(compound_ferplus.proxy, rounds=20)
    monkeypatch.setattr(compound_ferplus, "proxy", whole)
    cells = _code(FOLDER / "compound.ipynb")
    space: dict[str, Any] = {}
    for source, _ in (cells[0], *(cell for cell in cells if "def learned(" in cell[0])):
        _run(source.partition("\n\n\nresult =")[0], space)
    assert str(data_root) in _run('print(os.environ["FBN_DATA"])', space)
    said = _run(cells[-1][0], space)
    assert "FER+ pairs, a proxy: fearfully surprised 51" in said
    assert {"zero-shot", "random body, all from FER2013Train"} <= {row["how"] for row in space["rows"]}


@pytest.mark.data
@pytest.mark.slow
def test_affect_reads_real_data(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # others would each read the data sets again
    monkeypatch.setattr(engine, "run", partial(_here, engine.run))
    cells = _code(FOLDER / "affect.ipynb")
    space: dict[str, Any] = {}
    _run(cells[0][0], space)
    # what the other cells define, without the drawn study
    defined = [each for source, _ in cells[1:] for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)]
    exec(compile(ast.Module(list(defined), []), "cells", "exec"), space)
    assert str(data_root) in _run('print(os.environ["FBN_DATA"])', space)
    said = _run(cells[-1][0], space)
    assert "one seed" in said
    assert "FER+ · mean diagonal" in said
    assert "CK+ · AU F1" in said


@pytest.mark.data
@pytest.mark.slow
def test_faces_reads_real_data(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "run", partial(_here, engine.run))
    monkeypatch.setitem(faces.BUDGETS, "lesson", faces.BUDGETS["smoke"])
    cells = _code(FOLDER / "faces.ipynb")
    space: dict[str, Any] = {}
    _run(cells[0][0], space)
    # what the other cells define, without the drawn study
    defined = [each for source, _ in cells[1:] for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)]
    exec(compile(ast.Module(list(defined), []), "cells", "exec"), space)
    assert str(data_root) in _run('print(os.environ["FBN_DATA"])', space)
    said = _run(cells[-1][0], space)
    assert "known: identity accuracy" in said
    assert "chance" in said


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_a_notebook_names_no_machine(book: Path) -> None:
    text = book.read_text("utf-8")
    assert not re.search(r"/(home|root|tmp|mnt|opt|Users)/|file://", text)
    assert json.loads(text)["metadata"]["kernelspec"]["name"] == "python3"

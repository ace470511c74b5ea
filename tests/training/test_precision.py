"""Which numbers a training computes with: what the machine does itself, unless a recipe says otherwise."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from fbn.errors import FormatError
from fbn.training import precision, run
from fbn.training import recipe as recipes
from fbn.training.precision import MIXED, WHOLE, native, resolve_precision
from fbn.training.run import begin, read_run_recipe

from .helpers import recipe


def _machine(patch: pytest.MonkeyPatch, *capabilities: str) -> None:
    """One without a GPU, whose processor has these instructions."""
    patch.setattr(torch.cuda, "is_available", lambda: False)
    patch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(("avx2", *capabilities), True), raising=False)


@pytest.mark.parametrize("instructions", ["amx_bf16", "avx512_bf16"])
def test_bfloat16_where_the_processor_multiplies_it(monkeypatch: pytest.MonkeyPatch, instructions: str) -> None:
    _machine(monkeypatch, instructions)
    assert native()
    assert resolve_precision("auto") == MIXED


@pytest.mark.parametrize("instructions", [(), ("avx512_f", "avx512_vnni")])
def test_whole_precision_elsewhere(monkeypatch: pytest.MonkeyPatch, instructions: tuple[str, ...]) -> None:
    _machine(monkeypatch, *instructions)
    assert not native()
    assert resolve_precision("auto") == WHOLE


def test_an_older_pytorch_cannot_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision.torch, "cpu", SimpleNamespace())
    assert resolve_precision("auto") == WHOLE


@pytest.mark.parametrize("itself", [True, False])
def test_a_gpu_is_asked_what_it_does_itself(monkeypatch: pytest.MonkeyPatch, itself: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or itself)
    assert resolve_precision("auto") == (MIXED if itself else WHOLE)


@pytest.mark.parametrize("asked", ["bf16-mixed", "32-true", "16-mixed"])
def test_what_a_recipe_says_stays(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    for instructions in ((), ("amx_bf16",)):
        _machine(monkeypatch, *instructions)
        assert resolve_precision(asked) == asked


def test_shipped_recipes_leave_it_to_the_machine_or_are_whole() -> None:
    assert {file.stem: recipes.read(file.stem).precision for file in recipes.FOLDER.glob("*.yaml")} == {
        "base": "auto",
        "coupled": "auto",
        "smoke": "32-true",
        "teacher": "auto",
        "student": "auto",
        "study": "auto",
        "wild": "auto",
    }


def test_a_run_keeps_what_it_was_begun_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out, asked = tmp_path / "run", recipe(precision="auto")
    _machine(monkeypatch, "amx_bf16")
    assert begin(asked, out, resume=False).precision == MIXED
    _machine(monkeypatch)
    assert begin(asked, out, resume=True).precision == MIXED
    assert read_run_recipe(out).precision == MIXED
    with pytest.raises(FormatError, match="precision"):
        begin(recipe(precision="32-true"), out, resume=True)


def test_a_process_beside_the_first_takes_its_precision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out, asked = tmp_path / "run", recipe(precision="auto")
    _machine(monkeypatch, "amx_bf16")
    begin(asked, out, resume=False)
    _machine(monkeypatch)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert begin(asked, out, resume=False).precision == MIXED


def test_a_new_run_asks_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # what died before its first epoch left its recipe, and is replaced
    begin(recipe(precision="16-mixed"), tmp_path, resume=False)
    _machine(monkeypatch)
    assert begin(recipe(precision="auto"), tmp_path, resume=False).precision == WHOLE


def test_a_training_goes_on_by_what_it_was_begun_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[str] = []
    monkeypatch.setattr(run, "load_corpus", lambda *_, **__: None)
    monkeypatch.setattr(run, "fit", lambda settled, *_, **__: given.append(settled.precision))
    for instructions, resume in (("amx_bf16", False), ("avx2", True)):
        _machine(monkeypatch, instructions)
        run.train(recipe(precision="auto"), tmp_path / "data", tmp_path / "run", resume=resume)
    assert given == [MIXED, MIXED]

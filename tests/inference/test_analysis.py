"""``fbn.analyse`` and the analyser's call, from Python: the rows of the command, progress, cancelling, errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import fbn
from fbn.cli import application
from fbn.errors import MissingFileError
from fbn.faces.arrays import PictureError
from fbn.inference import FaceAnalyser
from fbn.inference.analysis import ArgumentError
from fbn.tasks import AFFECT_TASKS
from tests.inference.test_analyse_command import FACE, clip


@pytest.fixture(autouse=True)
def _caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FBN_YUNET", raising=False)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two faces and a picture without one."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, image in (("a", FACE), ("b", FACE[:, ::-1]), ("c", np.full((80, 100, 3), 90, np.uint8))):
        Image.fromarray(np.ascontiguousarray(image)).save(folder / f"{name}.png")
    return folder


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {}),
        (["--smooth", "--window", "3"], {"smooth": True, "window": 3}),
        (["--crops", "--compounds", "rafdb"], {"crops": True, "compounds": "rafdb"}),
        (["--format", "openface"], {"columns": "openface"}),
        (["--format", "fex", "--every", "2"], {"columns": "fex", "every": 2}),
    ],
)
def test_its_rows_are_the_commands(
    model_folder: Path, pictures: Path, tmp_path: Path, words: list[str], options: dict
) -> None:
    video, out = clip(tmp_path / "v.avi", 5), tmp_path / "out.parquet"
    command = ["analyse", str(pictures), str(video), "-o", str(out), "--model", str(model_folder), *words]
    assert CliRunner().invoke(application, command).exit_code == 0
    table = fbn.analyse([pictures, video], model=model_folder, **options)
    pd.testing.assert_frame_equal(table, pd.read_parquet(out))
    written = fbn.analyse([pictures, video], tmp_path / "own.parquet", model=model_folder, **options)
    pd.testing.assert_frame_equal(pd.read_parquet(written), table)


def test_progress_is_told_and_cancelling_keeps_the_rows(model_folder: Path, tmp_path: Path) -> None:
    video = clip(tmp_path / "v.avi", 8)
    told: list[tuple[int, int, str]] = []
    fbn.analyse(video, model=model_folder, progress=lambda *now: told.append(now))
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1] == (8, 8, "v.avi")
    reached = 0

    def progress(done: int, total: int, name: str) -> None:
        nonlocal reached
        reached = done

    for output in (None, tmp_path / "out.csv"):
        reached = 0
        found = fbn.analyse(
            video,
            output,
            model=model_folder,
            progress=progress,
            cancelled=lambda: reached >= 3,  # noqa: B023
        )
        rows = pd.read_csv(found) if isinstance(found, Path) else found
        assert rows["frame"].tolist() == [0, 1, 2]


def test_what_cannot_be_read_is_a_warning_and_the_rest_is_read(model_folder: Path, pictures: Path) -> None:
    (pictures / "empty.jpg").touch()
    with pytest.warns(UserWarning, match=r"skipped .*empty\.jpg"):
        assert len(fbn.analyse(pictures, model=model_folder)) == 3
    failed: list[fbn.FbnError] = []
    fbn.analyse(pictures, model=model_folder, on_error=failed.append)
    assert len(failed) == 1


@pytest.mark.parametrize("output", [None, "out.csv"])
def test_where_nothing_can_be_read_it_is_an_error(model_folder: Path, tmp_path: Path, output: str | None) -> None:
    where = tmp_path / output if output else None
    with pytest.raises(MissingFileError, match="no such file"):
        fbn.analyse(tmp_path / "missing.png", where, model=model_folder, on_error=lambda error: None)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("argument", "options"),
    [
        ("output", {"output": "out.xlsx"}),
        ("columns", {"columns": "xml"}),
        ("smooth", {"smooth": True, "columns": "fex"}),
        ("window", {"smooth": True, "window": 4}),
        ("compounds", {"compounds": "rafdb", "columns": "openface"}),
        ("every", {"every": 0}),
    ],
)
def test_an_argument_that_does_not_fit_is_named(pictures: Path, argument: str, options: dict) -> None:
    with pytest.raises(ArgumentError, match=f"^{argument}: "):
        fbn.analyse(pictures, **options)


def test_an_input_is_not_overwritten(model_folder: Path, pictures: Path) -> None:
    (pictures / "a.png").rename(pictures / "a.csv")
    old = (pictures / "a.csv").read_bytes()
    with pytest.raises(ArgumentError, match="one of the inputs"):
        fbn.analyse(pictures, pictures / "a.csv", model=model_folder)
    assert (pictures / "a.csv").read_bytes() == old


def test_an_analyser_is_called_with_pictures_or_their_files(model_folder: Path, pictures: Path) -> None:
    analyser = fbn.FaceAnalyser(model_folder)
    of_array, of_file = analyser(FACE), analyser(pictures / "a.png")
    assert of_file.input == str(pictures / "a.png")
    columns = of_array.to_pandas().columns[1:]
    pd.testing.assert_frame_equal(of_array.to_pandas()[columns], of_file.to_pandas()[columns])
    several = analyser([FACE, pictures / "c.png"])
    assert [len(result.faces) for result in several] == [1, 0]
    assert np.isnan(several[1].to_pandas()["face_id"]).all()
    pd.testing.assert_frame_equal(of_file.to_pandas(), fbn.analyse(pictures / "a.png", model=model_folder))
    with pytest.raises(PictureError):
        analyser(np.zeros((4, 4, 4, 4)))
    with pytest.raises(MissingFileError):
        analyser(pictures / "missing.png")


def test_a_result_has_columns_for_all_that_was_read(model_folder: Path) -> None:
    table = fbn.FaceAnalyser(model_folder, smooth="one_euro", compounds="rafdb")(FACE).to_pandas()
    assert {"AU12_smooth", "compound_happily_surprised", "compound_happily_surprised_smooth"} <= set(table.columns)


def test_a_network_is_taken_as_it_is(model_folder: Path) -> None:
    network, spec = fbn.load(model_folder)
    onnx, _ = fbn.load(model_folder, "onnx")
    assert spec == onnx.spec == network.spec
    assert set(network.tasks) == set(onnx.tasks) == set(AFFECT_TASKS)
    named = fbn.FaceAnalyser(model_folder)(FACE).faces[0].affect
    for own in (network, onnx):
        affect = FaceAnalyser(own, compounds="rafdb")(FACE).faces[0].affect
        assert np.allclose(affect.vector()[:26], named.vector(), atol=1e-4)
        assert affect.compound_label
    with pytest.raises(ValueError, match="training mode"):
        FaceAnalyser(network.train())

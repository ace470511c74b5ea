"""Two tables on the same faces and seeds: what is asked, how pictures are labelled, going on, and what is measured."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from fbn.context import Cancelled, Context
from fbn.data.corpus import Corpus
from fbn.errors import FormatError, MissingFileError
from fbn.jobs.kinds import parse
from fbn.losses import COUPLINGS
from fbn.records import Annotations, Predictions
from fbn.relatedness import RelatednessTable
from fbn.studies import tables as module
from fbn.studies.folder import SERIES
from fbn.studies.tables import cells, compare, labelled_streams, rows, single_task_labels
from fbn.studies.tables_request import BUDGETS, LabelledShares, TablesBudget, TablesRequest
from fbn.training import recipe as recipes
from fbn.vocabulary import AU_INDEX
from tests.training.helpers import corpus

DU = RelatednessTable.named("du2014")
EDITED = DU.edited("fear", 5, None).edited("anger", 9, 1.0)
FACES = (("anger", 1.0), ("anger", 1.0), ("anger", 1.0), ("disgust", 1.0), ("neutral", 0.0), ("neutral", 0.0))
SMALL = {"network_args": {"widths": (8, 8), "blocks": (1, 1)}, "sides": (32,), "precision": "32-true", "averaging": 0.0}


def asked(**changes: object) -> TablesRequest:
    coupled = recipes.read("coupled").model_copy(update=SMALL)
    budget = TablesBudget(pictures=60, held_out=40, steps=3, seeds=1, rounds=5)
    return TablesRequest(**{"base": DU, "edited": EDITED, "recipe": coupled, "budget": budget, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[float, str]]]:
    """A finished comparison's folder, and what it reported."""
    folder, said = tmp_path_factory.mktemp("run"), []
    compare(asked(), Context(folder, lambda share, words: said.append((share, words))))
    return folder, said


def test_tables_and_recipe_are_kept_whole(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    EDITED.write(file)
    one = TablesRequest.model_validate({"base": "du2014", "edited": str(file), "truth": "affwild2"})
    file.unlink()
    again = TablesRequest.model_validate(json.loads(json.dumps(one.model_dump(mode="json"))))
    assert again == one
    assert (again.base, again.edited, again.truth) == (DU, EDITED, RelatednessTable.named("affwild2"))
    assert again.recipe == recipes.read("coupled")
    assert again.changed == (("anger", 9), ("fear", 5))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"edited": DU}, "equal in every cell"),
        ({"edited": DU.edited("awed", 9, 0.5)}, "differ only in compounds or AU11"),
        ({"edited": "nowhere.json"}, "nowhere.json"),
        ({"recipe": "nothing"}, "no recipe 'nothing'"),
        ({"data": Path(), "truth": DU}, "not made by a table"),
        ({"labelled": {"action_units": 0.5, "valence_arousal": 0.5}}, "leave no pictures for expressions"),
        ({"budget": {"seeds": 0}}, "budget.seeds: Input should be greater"),
        ({"pictures": 10}, "pictures: Extra inputs"),
    ],
)
def test_mistakes_are_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(FormatError, match=words):
        parse("compare", {"base": DU, "edited": EDITED, **changes})
    with pytest.raises(ValidationError):
        TablesRequest.model_validate({"base": DU, "edited": EDITED, **changes})


def test_every_picture_has_the_labels_of_one_task() -> None:
    everything = Annotations.stack([Annotations.of("fear", {5: 1.0}, (0.1, 0.2))] * 200)
    full = everything.action_units_weight[0, AU_INDEX[5]]
    assert full == 1
    streams = labelled_streams(LabelledShares(action_units=0.1, valence_arousal=0.2), 200)
    assert [len(stream.pool) for stream in streams] == [140, 20, 40]
    assert sorted(number for stream in streams for number in stream.pool) == list(range(200))
    kept = single_task_labels(everything, streams)
    for number, weight in zip(
        (0, 1, 2), (kept.expression_weight, kept.action_units_weight.amax(-1), kept.valence_arousal_weight), strict=True
    ):
        assert torch.nonzero(weight).flatten().tolist() == sorted(streams[number].pool)


def test_the_whole_comparison(run: tuple[Path, list[tuple[float, str]]]) -> None:
    folder, said = run
    found = json.loads((folder / "result.json").read_text())
    own, common = {"result.json", "differences.csv"}, {"study.json", "runs", "runs.csv", "summary.json", "summary.csv"}
    assert {path.name for path in folder.iterdir()} == own | common | {"details.csv", "curves.csv"}
    assert {path.name for path in (folder / "runs").iterdir()} == {"00-base.json", "00-edited.json"}
    assert [(c["category"], c["action_unit"]) for c in found["changed"]] == [("anger", 9), ("fear", 5)]
    assert set(found["tasks"]) == {"accuracy", "mean_diagonal", "ccc_valence", "ccc_arousal", "f1", "auc"}
    # the world is made by the edited table: anger always shows AU9, fear shows AU5 by chance alone
    assert found["cells"]["anger AU9"]["true"] == 1
    assert found["cells"]["fear AU5"]["true"] < 0.5
    units = [found["units"][name]["difference"] for name in ("AU5", "AU9") if name in found["units"]]
    assert found["changed_units"]["difference"] == pytest.approx(sum(units) / len(units), abs=1e-12)
    shares = [share for share, _ in said]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert list(dict.fromkeys(words for _, words in said)) == [
        "seed 0: drawing faces",
        "run 1 of 2: base, seed 0",
        "run 2 of 2: edited, seed 0",
    ]
    # the same difference, and with an interval over people too
    summary = json.loads((folder / "summary.json").read_text())
    (f1,) = [each for each in summary["figures"] if (each["row"], each["figure"]) == ("edited", "f1")]
    assert f1["uncoupled"]["difference"] == pytest.approx(found["tasks"]["f1"]["difference"], abs=1e-5)
    assert f1["uncoupled"]["boot_low"] <= f1["uncoupled"]["boot_high"]


def test_rows_are_for_reading(run: tuple[Path, list[tuple[float, str]]]) -> None:
    found = json.loads((run[0] / "result.json").read_text())
    first, *rest = rows(found)
    assert (first["figure"], first["changed"], first["chance"]) == ("F1 of changed AUs", True, None)
    assert {row["figure"] for row in rest if row["changed"]} <= {"AU5", "AU9"}
    assert all(0 <= row["chance"] <= 1 for row in rest)


def test_it_goes_on_after_the_runs_that_are_there(tmp_path: Path, run: tuple[Path, list[tuple[float, str]]]) -> None:
    kept = json.loads((run[0] / "runs" / "00-base.json").read_text()) | {"seed": 0, "git_sha": "kept"}
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "00-base.json").write_text(json.dumps(kept))
    said: list[str] = []
    (tmp_path / "study.json").write_bytes((run[0] / "study.json").read_bytes())
    found = compare(asked(), Context(tmp_path, lambda share, words: said.append(words)))
    runs = [json.loads((tmp_path / "runs" / f"00-{arm}.json").read_text()) for arm in ("base", "edited")]
    assert [one["git_sha"] == "kept" for one in runs] == [True, False]
    assert "run 1 of 2: base, seed 0" not in said
    # the run of the other table is what it was without the interruption
    assert found["tasks"] == json.loads((run[0] / "result.json").read_text())["tasks"]
    with pytest.raises(FormatError, match=r"holds another study \(it differs in edited, truth\)"):
        compare(asked(edited=DU.edited("fear", 5, None), truth=EDITED), Context(tmp_path))


def test_runs_of_an_older_version_are_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "00-base.json").write_text('{"arm": "base", "seed": 0, "tasks": {}}')
    with pytest.raises(FormatError, match="begun with another version of fbn"):
        compare(asked(), Context(tmp_path))


def test_a_request_of_an_older_version_is_read() -> None:
    old = asked().model_dump(mode="json")
    for later in ("rows", "seeds", "first_seed", "steps", "part"):
        del old[later]
    old["budget"] = {"pictures": 2000, "held_out": 500, "steps": 250, "seeds": 2}
    again = parse("compare", old)
    assert isinstance(again, TablesRequest)
    assert again.limits == TablesBudget(pictures=2000, held_out=500, steps=250, seeds=2)
    assert again.runs == ((0, "base"), (0, "edited"), (1, "base"), (1, "edited"))
    assert TablesRequest(base=DU, edited=EDITED, budget="smoke", seeds=3).limits.seeds == 3
    assert BUDGETS["smoke"].seeds == 1
    assert SERIES >= 5


def test_it_stops_in_the_middle_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    said = ["begin"]
    with pytest.raises(Cancelled):
        compare(asked(), Context(tmp_path, lambda _, words: said.append(words), lambda: "edited" in said[-1]))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["00-base.json"]
    assert {path.name for path in tmp_path.iterdir()} == {"study.json", "runs", "runs.csv"}


def test_without_coupling_terms_both_tables_train_the_same_network(tmp_path: Path) -> None:
    uncoupled = asked().recipe.with_terms(dict.fromkeys(COUPLINGS, 0.0))
    found = compare(asked(recipe=uncoupled), Context(tmp_path))
    assert [each["differences"] for each in found["tasks"].values()] == [[0.0]] * 6


def test_changed_cells_by_hand() -> None:
    truth = Annotations.stack([Annotations.of(e, dict.fromkeys(AU_INDEX, 0.0) | {9: y}) for e, y in FACES])
    units = torch.full((len(FACES), len(AU_INDEX)), -3.0)
    units[:, AU_INDEX[9]] = torch.tensor([2.0, -2.0, -2.0, 2.0, -2.0, 2.0])
    found = cells(Predictions.of(truth.expression, units, None), truth, (("anger", 9), ("fear", 5)))
    # predicted of rows 0, 3, 5; true of 0, 1, 2, 3
    assert found["chance_units"]["AU9"] == pytest.approx(8 / 10)
    assert (found["cells"], found["true"]) == ({"anger AU9": pytest.approx(1 / 3)}, {"anger AU9": 1.0})


def test_on_a_data_root_the_sets_that_are_there_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = corpus(tmp_path / "data")

    def find(root: Path, name: str) -> Path:
        if name == "affectnet":
            raise MissingFileError(name)
        return root / name

    def load(root: Path, sets: tuple[str, ...], clean: bool) -> Corpus:
        assert sets == ("ferplus", "ckplus")
        parts = {part: tuple(s for s in own if s.dataset in sets) for part, own in whole.samples.items()}
        return Corpus(sets, parts)

    monkeypatch.setattr(module, "find", find)
    monkeypatch.setattr(module, "load_corpus", load)
    monkeypatch.setattr(module, "cached_pool", None)
    data, said = tmp_path / "data", []
    found = compare(asked(data=data), Context(tmp_path / "out", lambda share, words: said.append(words)))
    assert {"accuracy", "f1"} <= set(found["tasks"])
    assert "ccc_valence" not in found["tasks"]
    assert said[0] == "seed 0: reading the data"
    assert found["data"] == "data"
    assert str(data) not in (tmp_path / "out" / "result.json").read_text()


def test_a_data_folder_without_the_recipes_sets_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="at least one of the recipe's sets, ferplus, affectnet, ckplus"):
        compare(asked(data=tmp_path), Context(tmp_path / "out"))

"""From drawn faces to CK+: end to end on a made-up set, the linear probe on a toy problem, worded errors."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from fbn.context import Context
from fbn.data.loading import Pool
from fbn.data.sources import ckplus
from fbn.errors import MissingFileError
from fbn.faces.landmarks import crop_landmarks
from fbn.records import Annotations, Predictions, Sample
from fbn.studies import engine
from fbn.studies import transfer as module
from fbn.studies.transfer import STUDY, TransferRequest, on_ckplus, pixel_probe, ridge, worlds
from fbn.synthetic.cached import drawers
from fbn.synthetic.pool import draw_crops
from fbn.synthetic.world import World
from fbn.vocabulary import AU_INDEX
from tests.training.helpers import picture


def transfer(root: Path, out: Path, arms: tuple[str, ...] = ("synthetic",)) -> dict[str, Any]:
    return engine.run(STUDY, TransferRequest(data=root, budget="smoke", arms=arms), Context(out))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FBN_CACHE", str(tmp_path / "cache"))


def write_ckplus(root: Path, sequences: int = 9) -> None:
    """Onset and peak of sequences that smile (AU6, AU12) or do not."""
    for i in range(sequences * 2):
        subject, happy = f"S{i // 2 + 10:03d}", i % 2 == 0
        name, folder = f"{subject}_{i:03d}_", f"{subject}/{i:03d}"
        for kind in ("cohn-kanade-images", "FACS", "Emotion"):
            (root / "ckplus" / kind / folder).mkdir(parents=True, exist_ok=True)
        for frame, mouth in ((1, 0.0), (9, 1.0 if happy else -1.0)):
            path = root / "ckplus" / "cohn-kanade-images" / folder / f"{name}{frame:08d}.png"
            cv2.imwrite(str(path), picture(mouth, 40 + 5 * i))
        facs = "6.0e+00 1.0e+00\n1.2e+01 1.0e+00\n" if happy else "1.5e+01 1.0e+00\n"
        (root / "ckplus" / "FACS" / folder / f"{name}00000009_facs.txt").write_text(facs)
        (root / "ckplus" / "Emotion" / folder / f"{name}00000009_emotion.txt").write_text("5\n" if happy else "6\n")


def test_the_whole_way_from_drawn_faces_to_a_report(tmp_path: Path) -> None:
    write_ckplus(tmp_path)
    report = transfer(tmp_path, tmp_path / "run")
    assert report["data"] == {"set": "ckplus", "pictures": 36, "sequences": 18, "subjects": 9}
    about = json.loads(json.dumps(report))["sources"]["synthetic"]
    assert about["units"]["AU12"]["positives"] == 9
    assert {name for name, unit in about["units"].items() if "ckplus" in unit} == {"AU6", "AU12", "AU15"}
    assert len(about["units"]) == 17
    areas = [unit["ckplus"] for unit in about["units"].values() if "ckplus" in unit]
    assert about["figures"]["auc"]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
    for figure in about["figures"].values():
        assert 0 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
    assert report["chance"] == {"auc": 0.5, "mean_diagonal": pytest.approx(1 / 3)}
    assert json.loads((tmp_path / "run" / "report.json").read_text()) == json.loads(json.dumps(report))
    run = json.loads((tmp_path / "run" / "runs" / "00-synthetic.json").read_text())
    assert run["figures"]["ckplus/auc"] == about["figures"]["auc"]["value"]


def test_faces_that_are_held_out_are_of_other_people() -> None:
    for train, held in zip(worlds(0), worlds(0, held_out=True), strict=True):
        people = {train.person(i).identity for i in range(20)}
        assert not people & {held.person(i).identity for i in range(20)}


def test_units_come_by_chance_in_one_world_and_not_in_the_other() -> None:
    def rate(world: World) -> float:
        neutral = [t for t in map(world.draw, range(400)) if t.category == "neutral"]
        return float(torch.stack([truth.annotations.action_units for truth in neutral]).mean())

    broad, posed = map(rate, worlds(0))
    assert 0.1 < broad < 0.2
    assert posed < 0.04


def test_figures_on_ckplus_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    samples, score = [], []
    for i in range(60):
        active = i % 3 == 0
        labels = Annotations.of("happiness" if active else "neutral", {n: float(active) for n in (6, 12)})
        samples.append(
            Sample("ckplus", "", f"{ckplus.PICTURES}/S{i % 7}/{i:03d}/x_01.png", labels, subject=f"S{i % 7}")
        )
        score.append(float(active) + rng.normal())
    logits = torch.zeros(60, 17)
    logits[:, AU_INDEX[6]] = torch.tensor(score)
    report = on_ckplus(Predictions.of(torch.zeros(60, 7), logits), samples, 20)
    wanted = roc_auc_score([i % 3 == 0 for i in range(60)], score)
    assert report["units"]["AU6"] == {"positives": 20, "ckplus": pytest.approx(wanted, abs=1e-9)}
    assert report["units"]["AU12"]["ckplus"] == 0.5
    assert report["figures"]["auc"]["value"] == pytest.approx((wanted + 0.5) / 2, abs=1e-9)
    assert report["figures"]["mean_diagonal"]["value"] == 0.5


def test_the_probe_finds_what_is_linear_in_the_pixels_and_nothing_else() -> None:
    def pool(count: int, seed: int) -> Pool:
        rng = np.random.default_rng(seed)
        bright, contrast = rng.random(count) < 0.5, rng.random(count) < 0.5
        crops = rng.integers(90, 110, (count, 144, 144, 3)).astype(np.uint8)
        crops[bright, 40:60, 40:60] += 20
        # brighter or darker, as often: the same on average
        sign = np.where(rng.random(count) < 0.5, 30, -30)
        changed = crops[contrast, 90:110, 40:60] + sign[contrast, None, None, None]
        crops[contrast, 90:110, 40:60] = changed.astype(np.uint8)
        labels = [Annotations.of("neutral", {1: float(b), 2: float(c)}) for b, c in zip(bright, contrast, strict=True)]
        return Pool.of({"toy": (crops, Annotations.stack(labels))})

    areas = pixel_probe(pool(160, 0), pool(160, 1))
    assert areas[AU_INDEX[1]] > 0.99
    assert 0.3 < areas[AU_INDEX[2]] < 0.7
    assert np.isnan(areas[2:]).all()


def test_ridge_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    x, y, unseen = rng.normal(size=(50, 6)), rng.normal(size=(50, 3)), rng.normal(size=(9, 6))
    x -= x.mean(0)
    wanted = Ridge(alpha=0.3 * 50).fit(x, y).predict(unseen)
    np.testing.assert_allclose(ridge(x, y, unseen, 0.3), wanted, atol=1e-10)


@pytest.mark.parametrize(("arms", "expected"), [(("synthetic",), "ckplus/ or ckplus.zip"), (("ict",), "ict_facekit")])
def test_what_is_not_there_is_named_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arms: tuple[str, ...], expected: str
) -> None:
    monkeypatch.setattr(module, "cached_pool", lambda *_, **__: pytest.fail("it drew"))
    if arms == ("ict",):
        write_ckplus(tmp_path, 1)
    with pytest.raises(MissingFileError, match=expected):
        transfer(tmp_path, tmp_path / "run", arms)


def test_kept_crops_are_the_worlds_and_stay(tmp_path: Path) -> None:
    world = worlds(0)[0]
    one = module.cached_pool(world, 3, progress=False)
    faces = [world.draw(i).face for i in range(3)]
    assert one.names == (world.domain.name,)
    assert torch.equal(one.annotations.action_units[2], world.draw(2).annotations.action_units)
    assert (one.crops[0] == draw_crops(faces, find=crop_landmarks)).all()
    assert (one.crops[0] != draw_crops(faces)).any()
    file = next((tmp_path / "cache").glob("drawn/*.npy"))
    stamp = file.stat().st_mtime_ns
    again = module.cached_pool(world, 3, progress=False)
    assert file.stat().st_mtime_ns == stamp
    assert torch.equal(one.annotations.action_units, again.annotations.action_units)
    # by processes that several sets share, in blocks of a few
    with drawers(2) as workers:
        many = module.cached_pool(worlds(0, held_out=True)[0], 27, processes=workers, progress=False)
    assert len(list((tmp_path / "cache").glob("drawn/*.npy"))) == 2
    last = [worlds(0, held_out=True)[0].draw(i).face for i in (25, 26)]
    assert (many.crops[0][25:] == draw_crops(last, find=crop_landmarks)).all()

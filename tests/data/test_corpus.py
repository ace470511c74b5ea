"""Duplicates and splits: nothing of a subject or a twin crosses, and nothing moves from machine to machine."""

from collections import Counter
from pathlib import Path
from zipfile import ZipFile

import pytest

from fbn.data.corpus import load_corpus, split, twins, without_duplicates
from fbn.data.sources import SOURCES, find
from fbn.data.splits import PARTS, Parts, positive_sequences, subject_dependent
from fbn.vocabulary import AU_INDEX
from tests.data import trees


def paths(samples) -> list[str]:
    return [s.path for s in samples]


def partition(name: str, root: Path, seed: int = 0) -> Parts:
    return split(name, SOURCES[name](root).samples, seed)


def assert_covers(parts: Parts, everything) -> None:
    assert set(parts) == set(PARTS)
    assert sorted(p for part in parts.values() for p in paths(part)) == sorted(paths(everything))


@pytest.fixture(scope="module")
def ckplus_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 subjects, two sequences each; AU12 in every first one, AU9 with ten subjects."""
    files = {}
    for subject in range(60):
        for sequence, units in ((1, "12 25"), (2, "9" if subject < 10 else "1")):
            files |= trees.ckplus_frame(subject, sequence, 1)
            files |= trees.ckplus_frame(subject, sequence, 9, units, code=5)
    return trees.write(tmp_path_factory.mktemp("sets") / "ckplus", files)


@pytest.fixture(scope="module")
def affectnet_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [trees.affectnet_row(f"{i % 3}/{i}.jpg", i % 8, -0.2, 0.3) for i in range(400)]
    return trees.write(tmp_path_factory.mktemp("sets") / "affectnet", trees.affectnet(rows))


@pytest.fixture(scope="module")
def ferplus_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [f"Training,fer{i:07d}.png,{4 + i % 3},0,0,0,{6 - i % 3},0,0,0,0,0" for i in range(400)]
    rows += [f"PublicTest,fer{i:07d}.png,{i % 3 * 5},{10 - i % 3 * 5},0,0,0,0,0,0,0,0" for i in range(400, 430)]
    return trees.write(tmp_path_factory.mktemp("sets") / "ferplus", trees.ferplus(rows))


class TestTwins:
    def affectnet(self, folder: Path, labels: list[tuple[int, float]], same: dict[int, int]):
        rows = [trees.affectnet_row(f"{i}.jpg", code, valence, 0.1) for i, (code, valence) in enumerate(labels)]
        files = trees.affectnet(rows)
        for copy, original in same.items():
            files[f"Manually_Annotated_Images/{copy}.jpg"] = files[f"Manually_Annotated_Images/{original}.jpg"]
        return SOURCES["affectnet"](trees.write(folder / "affectnet", files)).samples

    def test_one_of_twins_that_agree_stays(self, tmp_path: Path):
        samples = self.affectnet(tmp_path, [(0, 0.1), (1, 0.2), (0, 0.1)], {2: 0})
        assert [paths(group) for group in twins(samples)] == [paths([samples[0], samples[2]])]
        assert without_duplicates(samples) == samples[:2]

    def test_none_of_twins_that_disagree_stays(self, tmp_path: Path):
        samples = self.affectnet(tmp_path, [(0, 0.1), (1, 0.2), (3, 0.1)], {2: 0})
        assert without_duplicates(samples) == samples[1:2]

    def test_contempt_is_no_agreement_with_neutral(self, tmp_path: Path):
        samples = self.affectnet(tmp_path, [(0, 0.1), (7, 0.1)], {1: 0})
        assert without_duplicates(samples) == ()

    @pytest.mark.parametrize("votes", ["0,10", "10,0"])
    def test_across_parts_the_reported_copy_goes(self, tmp_path: Path, votes: str):
        rows = ["PublicTest,fer0000001.png,0,10,0,0,0,0,0,0,0,0", f"Training,fer0000002.png,{votes},0,0,0,0,0,0,0,0"]
        files = trees.ferplus(rows)
        files["FER2013Valid/fer0000001.png"] = files["FER2013Train/fer0000002.png"]
        samples = SOURCES["ferplus"](trees.write(tmp_path / "ferplus", files)).samples
        assert paths(without_duplicates(samples)) == ["FER2013Train/fer0000002.png"]

    def test_one_picture_under_two_identities_goes(self, tmp_path: Path):
        files = trees.celeba({"1.jpg": 7, "2.jpg": 8, "3.jpg": 8})
        files["img_align_celeba/2.jpg"] = files["img_align_celeba/1.jpg"]
        samples = SOURCES["celeba"](trees.write(tmp_path / "celeba", files)).samples
        assert paths(without_duplicates(samples)) == ["img_align_celeba/3.jpg"]


class TestSplits:
    def test_ferplus(self, ferplus_root: Path):
        samples = SOURCES["ferplus"](ferplus_root).samples
        parts = split("ferplus", samples)
        assert_covers(parts, samples)
        assert all(("Valid" in path) == (part == "test") for part in PARTS for path in paths(parts[part]))
        assert 5 <= len(parts["valid"]) <= 40

    def test_ferplus_private_test_is_in_no_part_and_gives_way_to_its_twins(self, tmp_path: Path):
        votes = "10,0,0,0,0,0,0,0,0,0"
        rows = [f"{u},fer{i}.png,{votes}" for i, u in enumerate(("PrivateTest", "PublicTest", "PrivateTest"))]
        files = trees.ferplus(rows)
        files["FER2013Test/fer0.png"] = files["FER2013Valid/fer1.png"]
        samples = SOURCES["ferplus"](trees.write(tmp_path / "ferplus", files)).samples
        assert paths(without_duplicates(samples)) == ["FER2013Valid/fer1.png", "FER2013Test/fer2.png"]
        parts = split("ferplus", samples)
        assert {part: paths(parts[part]) for part in PARTS} == {
            "train": [],
            "valid": [],
            "test": ["FER2013Valid/fer1.png"],
        }

    def test_ferplus_valid_does_not_move_when_rows_go(self, ferplus_root: Path):
        samples = SOURCES["ferplus"](ferplus_root).samples
        whole, half = split("ferplus", samples), split("ferplus", samples[::2])
        assert set(paths(half["valid"])) == set(paths(whole["valid"])) & set(paths(samples[::2]))

    def test_affectnet_is_stratified(self, affectnet_root: Path):
        samples = SOURCES["affectnet"](affectnet_root).samples
        parts = split("affectnet", samples)
        assert_covers(parts, samples)
        for part, count in (("test", 10), ("valid", 4), ("train", 36)):
            labels = [s.annotations for s in parts[part]]
            classes = Counter(int(a.expression.argmax()) if a.expression_weight else None for a in labels)
            assert classes == dict.fromkeys((None, *range(7)), count)

    def test_ckplus_by_subject(self, ckplus_root: Path):
        samples = SOURCES["ckplus"](ckplus_root).samples
        parts = split("ckplus", samples)
        assert_covers(parts, samples)
        subjects = {part: {s.subject for s in parts[part]} for part in PARTS}
        assert {part: len(own) for part, own in subjects.items()} == {"train": 27, "valid": 8, "test": 25}
        assert sum(map(len, subjects.values())) == len(set().union(*subjects.values())) == 60

    def test_ckplus_shares_every_au_out_evenly(self, ckplus_root: Path):
        # a plain draw of subjects is off by two or more of AU9's ten in every second case
        parts = partition("ckplus", ckplus_root)
        total = positive_sequences([s for own in parts.values() for s in own])
        for part, share in (("train", 27 / 60), ("valid", 8 / 60), ("test", 25 / 60)):
            for whole, own in zip(total, positive_sequences(parts[part]), strict=True):
                assert abs(own - whole * share) <= 1

    def test_celeba_is_all_train(self, tmp_path: Path):
        samples = SOURCES["celeba"](trees.write(tmp_path / "celeba", trees.celeba({"1.jpg": 7}))).samples
        assert split("celeba", samples) == {"train": samples, "valid": (), "test": ()}

    @pytest.mark.parametrize("name", ["ferplus", "affectnet", "ckplus"])
    def test_same_from_a_zip_in_any_order_and_other_by_seed(
        self, name: str, tmp_path: Path, request: pytest.FixtureRequest
    ):
        root: Path = request.getfixturevalue(f"{name}_root")
        with ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for path in sorted((p for p in root.rglob("*") if p.is_file()), reverse=True):
                archive.write(path, path.relative_to(root).as_posix())
        folder, zipped = partition(name, root), partition(name, find(tmp_path, name))
        assert {p: set(paths(s)) for p, s in folder.items()} == {p: set(paths(s)) for p, s in zipped.items()}
        other = partition(name, root, seed=1)
        assert set(paths(other["valid"])) != set(paths(folder["valid"]))

    def test_the_draw_is_the_same_on_any_machine(self, affectnet_root: Path):
        # pinned: a split that moves would let trained-on pictures into reported figures
        drawn = paths(partition("affectnet", affectnet_root)["test"])[:3]
        assert [path.split("/")[-1] for path in drawn] == ["263.jpg", "343.jpg", "167.jpg"]


class TestLoadCorpus:
    def test_votes_to_train_on_majority_to_report(self, ferplus_root: Path):
        corpus = load_corpus(ferplus_root.parent, ("ferplus",))
        assert corpus.names == ("ferplus",)
        assert any(0 < s.annotations.expression.max() < 1 for s in corpus.samples["train"])
        for part in ("valid", "test"):
            assert corpus.samples[part]
            assert all(s.annotations.expression.max() == 1 for s in corpus.samples[part])
        # a third of the reported rows are ties, which no majority decides
        assert len(corpus.samples["test"]) == 20

    def test_cleaning_leaves_reported_parts_alone(self, tmp_path: Path):
        rows = [trees.affectnet_row(f"{i}.jpg", 1, -0.5 if i % 2 else 0.5, 0.3) for i in range(100)]
        trees.write(tmp_path / "affectnet", trees.affectnet(rows))
        raw, clean = (load_corpus(tmp_path, ("affectnet",), clean=c).samples for c in (False, True))
        assert {p: paths(raw[p]) for p in ("valid", "test")} == {p: paths(clean[p]) for p in ("valid", "test")}
        assert paths(clean["train"]) == [s.path for s in raw["train"] if s.annotations.valence_arousal[0] > 0]

    def test_names_in_the_order_asked_for(self, tmp_path: Path):
        trees.write(tmp_path / "celeba", trees.celeba({"1.jpg": 7}))
        trees.write(tmp_path / "affectnet", trees.affectnet([trees.affectnet_row("a.jpg", 0, 0, 0)]))
        corpus = load_corpus(tmp_path, ("celeba", "affectnet"))
        assert [s.dataset for s in corpus.samples["train"]] == list(corpus.names) == ["celeba", "affectnet"]


class TestSubjectDependent:
    def test_every_identity_in_all_parts(self, tmp_path: Path):
        identities = {f"{i}.jpg": i % 4 for i in range(60)} | {f"few{i}.jpg": 99 for i in range(3)}
        samples = SOURCES["celeba"](trees.write(tmp_path / "celeba", trees.celeba(identities))).samples
        parts = subject_dependent(samples)
        assert_covers(parts, samples)
        for part in PARTS:
            assert {s.subject for s in parts[part]} == {"0", "1", "2", "3", "99"}
        assert Counter(s.subject for s in parts["test"])["0"] == 2

    def test_too_few_pictures_are_refused(self, tmp_path: Path):
        samples = SOURCES["celeba"](trees.write(tmp_path / "x", trees.celeba({"1.jpg": 7, "2.jpg": 7}))).samples
        with pytest.raises(ValueError, match="identity 7 has 2 pictures"):
            subject_dependent(samples)


def test_positive_sequences_count_sequences_not_frames(tmp_path: Path):
    files = trees.ckplus_frame(5, 1, 1)
    for frame in (7, 8, 9):
        files |= trees.ckplus_frame(5, 1, frame, units="4", code=1)
    files |= trees.ckplus_frame(5, 2, 9, units="4 17", code=1)
    counts = positive_sequences(SOURCES["ckplus"](trees.write(tmp_path / "ckplus", files)).samples)
    assert (counts[AU_INDEX[4]], counts[AU_INDEX[17]], counts[AU_INDEX[12]]) == (2, 1, 0)

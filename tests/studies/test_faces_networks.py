"""The networks of drawn people: trained and saved, read again, and those that ship."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fbn.context import Context
from fbn.errors import ChecksumError, MissingFileError
from fbn.models import store
from fbn.records import Predictions
from fbn.relatedness import Provenance, RelatednessTable
from fbn.studies.faces import BUDGETS, FacesRequest
from fbn.studies.faces_demo import ABOUT, LOOKS, NETWORKS, TABLE, DrawnPeople, changed, looks_of, read_predictions
from fbn.studies.faces_networks import save
from fbn.synthetic.attributes import RULES
from fbn.synthetic.parameters import Appearance, Face
from fbn.tasks import ATTRIBUTES, identity
from fbn.vocabulary import AU_INDEX


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks of a few steps."""
    root = tmp_path_factory.mktemp("people")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FBN_CACHE", str(root / "cache"))
        (root / "work").mkdir()
        save(FacesRequest(budget=BUDGETS["smoke"], first_seed=3), root / "out", Context(root / "work"))
    return root / "out"


@pytest.fixture(scope="module")
def shipped() -> DrawnPeople:
    return DrawnPeople.read()


class TestSaved:
    def test_both_networks_and_their_table_are_read_again(self, folder: Path) -> None:
        people = DrawnPeople.read(folder)
        assert tuple(people.networks) == tuple(NETWORKS)
        assert len(people.known) + len(people.strangers) == people.about.people == 5
        for name in NETWORKS:
            about = store.manifest(folder / name)
            assert about.drawn_people
            assert [task.name for task in about.tasks] == ["identity", "attributes"]
            assert about.metrics == people.about.figures[name]
        reading = people.read_faces([people.held_out(people.known[0], 0).face])[0]["match"]
        assert reading.identity.sum() == pytest.approx(1)

    def test_the_table_is_counted_from_the_people(self, folder: Path) -> None:
        people = DrawnPeople.read(folder)
        # an attribute that a person has in all or none of the pictures has weight 1 or 0 in the table
        at = people.table.columns.labels.index("Male")
        for row, person in enumerate(people.known):
            male = {dict(people.world.draw(person + 5 * i).attributes)["Male"] for i in range(people.about.pictures)}
            assert {float(people.table.matrix()[row, at])} == {float(each) for each in male}

    def test_the_card_says_that_nobody_is_real(self, folder: Path) -> None:
        text = (folder / "CARD.md").read_text("utf-8")
        assert "Nobody real" in text
        assert "python -m fbn.studies.faces_networks" in text
        figure = DrawnPeople.read(folder).about.figures["match"]["known/identity_accuracy"]
        assert f"{figure:.3f}" in text

    def test_an_edited_table_is_refused(self, folder: Path, tmp_path: Path) -> None:
        for path in folder.rglob("*"):
            if path.is_file():
                copy = tmp_path / path.relative_to(folder)
                copy.parent.mkdir(exist_ok=True)
                copy.write_bytes(path.read_bytes())
        with (tmp_path / TABLE).open("a") as file:
            file.write("\n")
        with pytest.raises(ChecksumError, match=r"table\.json"):
            DrawnPeople.read(tmp_path)

    def test_a_folder_without_people_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(MissingFileError, match=ABOUT):
            DrawnPeople.read(tmp_path)


def test_a_reading_is_the_papers_mixture_and_divergence() -> None:
    task, attributes = identity(["7", "9"]), ATTRIBUTES.only("Eyeglasses", "Male")
    cells = {"7": {"Eyeglasses": 0.25, "Male": 1.0}, "9": {"Eyeglasses": 0.5, "Male": 0.5}}
    table = RelatednessTable.of(cells, Provenance("test"), rows=task, columns=attributes)
    logits = {task: torch.tensor([[np.log(0.8), np.log(0.2)]]), attributes: torch.tensor([[0.0, 0.0]])}
    reading = read_predictions(Predictions({key: value.float() for key, value in logits.items()}), table)
    assert reading.top(2) == [("7", pytest.approx(0.8)), ("9", pytest.approx(0.2))]
    q = np.array([0.8 * 0.25 + 0.2 * 0.5, 0.8 + 0.1])
    assert reading.p == pytest.approx([0.5, 0.5])
    assert reading.q == pytest.approx(q)
    assert reading.loss == pytest.approx(0.5 * np.log(0.5 / q) + 0.5 * np.log(0.5 / (1 - q)))
    assert list(reading.frame().index) == ["Male", "Eyeglasses"]


class TestChanges:
    def test_nothing_changes_unless_asked(self, shipped: DrawnPeople) -> None:
        for number in range(20):
            face = shipped.held_out(shipped.known[number], number).face
            smile = round(max(face.action_units[AU_INDEX[12]]), 2)
            same = changed(face, looks_of(face.appearance), face.scene.yaw, face.scene.light[0], smile)
            assert same == face

    @pytest.mark.parametrize(
        ("look", "attribute", "there"),
        [
            ("Glasses", "Eyeglasses", True),
            ("Beard", "No_Beard", False),
            ("Lipstick", "Wearing_Lipstick", True),
        ],
    )
    def test_a_look_changes_its_attribute(self, look: str, attribute: str, there: bool) -> None:
        plain = Face(appearance=Appearance())
        having = changed(plain, [look], 0.0, -20.0, 0.0)
        assert looks_of(having.appearance) == [look]
        assert RULES[attribute](having) is there
        assert RULES[attribute](changed(having, [], 0.0, -20.0, 0.0)) is not there

    def test_pose_light_and_smile(self) -> None:
        face = changed(Face(), [], 20.0, 50.0, 0.8)
        assert (face.scene.yaw, face.scene.light) == (20.0, (50.0, -30.0))
        assert RULES["Smiling"](face)
        assert set(LOOKS).isdisjoint(looks_of(face.appearance))


class TestShipped:
    def test_they_recognise_new_pictures_of_their_people(self, shipped: DrawnPeople) -> None:
        faces = [shipped.held_out(person, 0).face for person in shipped.known]
        readings = shipped.read_faces(faces)
        for name in NETWORKS:
            right = [
                int(reading[name].top(1)[0][0]) == person
                for person, reading in zip(shipped.known, readings, strict=True)
            ]
            assert np.mean(right) > 0.6, name

    def test_a_smile_is_seen(self, shipped: DrawnPeople) -> None:
        faces = [shipped.held_out(person, 1).face for person in shipped.known[:12]]
        at = shipped.table.columns.labels.index("Smiling")
        for name in NETWORKS:
            without, smiling = (
                np.mean([r[name].p[at] for r in shipped.read_faces([changed(f, [], 0.0, -20.0, smile) for f in faces])])
                for smile in (0.0, 1.0)
            )
            assert smiling > without + 0.3

    def test_files_are_small(self, shipped: DrawnPeople) -> None:
        from fbn.resources import shipped as shipped_file

        for path in shipped_file("assets/people").rglob("*"):
            assert path.stat().st_size < 1e6

import numpy as np
import pytest

from fbn.synthetic.attributes import HIDDEN, RULES, attributes
from fbn.synthetic.parameters import Appearance, Camera, Face, Hair, HairColour, Identity
from fbn.synthetic.people import TABLED, Person, Population, draw_person, identity_attributes
from fbn.vocabulary import ATTRIBUTES


def _person(number: int, **changes: object) -> Person:
    return draw_person(number, Population.model_validate(changes), np.random.default_rng(number))


def _shown(person: Person, pictures: int = 400) -> dict[str, float]:
    generator = np.random.default_rng(1)
    faces = [Face(identity=i, appearance=a) for i, a in (person.pictured(generator) for _ in range(pictures))]
    told = [dict(attributes(face)) for face in faces]
    return {name: np.mean([row[name] for row in told]) for name in ATTRIBUTES}


def test_forty_names_of_which_some_are_never_shown():
    assert len(ATTRIBUTES) == len(set(ATTRIBUTES)) == 40
    assert set(RULES) | set(HIDDEN) == set(ATTRIBUTES)
    assert {"Attractive", "Wearing_Hat", "Wearing_Necktie"} <= set(HIDDEN)
    told = attributes(Face())
    assert tuple(name for name, _ in told) == ATTRIBUTES
    assert not any(present for name, present in told if name in HIDDEN)


@pytest.mark.parametrize(
    ("name", "face"),
    [
        ("5_o_Clock_Shadow", Face(appearance=Appearance(beard=0.3))),
        ("Arched_Eyebrows", Face(identity=Identity(brow_arch=0.5))),
        ("Bald", Face(appearance=Appearance(hair=Hair.BALD))),
        ("Bangs", Face(appearance=Appearance(hair=Hair.BANGS))),
        ("Big_Lips", Face(identity=Identity(lip_thickness=0.6))),
        ("Black_Hair", Face(appearance=Appearance(hair_colour=HairColour.BLACK))),
        ("Blurry", Face(camera=Camera(blur=0.6))),
        ("Eyeglasses", Face(appearance=Appearance(glasses=0.4))),
        ("Gray_Hair", Face(appearance=Appearance(hair_colour=HairColour.GRAY))),
        ("Male", Face(identity=Identity(jaw_width=0.5))),
        ("Mouth_Slightly_Open", Face().with_units({25: 0.7})),
        ("Mustache", Face(appearance=Appearance(moustache=0.8))),
        ("Narrow_Eyes", Face(identity=Identity(eye_size=-0.6))),
        ("Pale_Skin", Face(appearance=Appearance(melanin=0.05))),
        ("Smiling", Face().with_units({12: (0.4, 0.6)})),
        ("Wearing_Lipstick", Face(appearance=Appearance(lipstick=0.5))),
    ],
)
def test_an_attribute_is_true_where_the_face_shows_it_and_not_on_the_average_face(name: str, face: Face):
    assert dict(attributes(face))[name]
    assert not dict(attributes(Face()))[name]


def test_what_hides_an_attribute_makes_it_false():
    bald = dict(attributes(Face(appearance=Appearance(hair=Hair.BALD, hair_colour=HairColour.BLACK))))
    assert not bald["Black_Hair"]
    assert dict(attributes(Face()))["No_Beard"]
    assert not dict(attributes(Face(appearance=Appearance(beard=0.8))))["No_Beard"]
    assert not dict(attributes(Face(appearance=Appearance(age=0.8))))["Young"]


def test_table_two_is_the_papers():
    table = identity_attributes()
    assert list(table) == ["1", "2", "1000", "5000", "10000", "10177"]
    assert table["5000"]["5_o_Clock_Shadow"] == 0.8
    assert table["10177"]["Wearing_Lipstick"] == 0.61539
    assert [name for name, row in table.items() if row["Male"]] == ["1", "5000"]


def test_a_person_shows_attributes_as_often_as_their_propensities_say():
    for number in range(6):
        person = _person(number, beard=0.0)
        shown = _shown(person)
        for name in (*TABLED, "Eyeglasses"):
            if name == "Bangs":
                continue  # a bald head has none
            chance = person.propensities[name]
            assert abs(shown[name] - chance) <= 4 * np.sqrt(chance * (1 - chance) / 400) + 1e-9, name
        assert shown["Male"] in (0, 1)


def test_propensities_follow_table_two():
    people = [_person(number, make_up=1.0, older=0.0) for number in range(300)]
    women = [p for p in people if p.propensities["Wearing_Lipstick"] > 0]
    men = [p for p in people if p not in women]
    assert 0.4 < len(men) / 300 < 0.6
    rows = identity_attributes()
    for group, names in ((men, ("1", "5000")), (women, ("2", "1000", "10000", "10177"))):
        for name in ("Young", "Wearing_Lipstick", "5_o_Clock_Shadow"):
            expected = np.mean([rows[n][name] for n in names])
            assert np.mean([p.propensities[name] for p in group]) == pytest.approx(expected, abs=0.06)


def test_a_population_has_the_shares_it_asks_for():
    people = [_person(n, male=0.8, older=0.5, melanin=(0.6, 0.7), glasses=0.3) for n in range(300)]
    assert np.mean([_shown(p, 1)["Male"] for p in people]) == pytest.approx(0.8, abs=0.08)
    assert np.mean([p.propensities["Young"] == 0 for p in people]) == pytest.approx(0.5, abs=0.1)
    assert all(0.6 <= p.appearance.melanin <= 0.7 for p in people)
    assert np.mean([p.propensities["Eyeglasses"] for p in people]) == pytest.approx(0.3, abs=0.07)
    assert all(p.propensities["Eyeglasses"] == 0 for p in (_person(n, glasses=0.0) for n in range(20)))


def test_people_differ_but_each_keeps_their_bones():
    assert _person(1).identity != _person(2).identity
    generator, person = np.random.default_rng(0), _person(3)
    first, second = (person.pictured(generator)[0] for _ in range(2))
    assert first.model_copy(update={"brow_arch": 0.0}) == second.model_copy(update={"brow_arch": 0.0})

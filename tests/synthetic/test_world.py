import json
from pathlib import Path

import numpy as np
import pytest
import torch

from fbn.data.sources.affectnet import contradiction
from fbn.errors import FormatError, MissingFileError
from fbn.records import Annotations
from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import Activity, coded
from fbn.synthetic.annotators import Noise
from fbn.synthetic.attributes import attributes
from fbn.synthetic.domains import DOMAINS, Domain
from fbn.synthetic.parameters import Face
from fbn.synthetic.people import Population
from fbn.synthetic.world import World, WorldSettings
from fbn.vocabulary import AU_INDEX, COMPOUND_EXPRESSIONS, COMPOUND_RAFDB, EXPRESSIONS

DU, AFFWILD = (RelatednessTable.named(name) for name in ("du2014", "affwild2"))
QUIET = WorldSettings(activity=Activity(distractor=0, trace=0), affect_sd=0)


@pytest.mark.parametrize("table", [DU, AFFWILD], ids=["du2014", "affwild2"])
def test_a_table_inferred_from_its_world_is_the_table(table: RelatednessTable):
    world = World(table, 5, settings=QUIET)
    labels = Annotations.stack([world.draw(i).annotations for i in range(2000)])
    found = RelatednessTable.infer(labels)
    support = labels.expression.sum(0)
    assert support.min() > 220  # balanced by default: 286 of each
    for expression, given, read, n in zip(EXPRESSIONS, table.matrix(), found.matrix(), support, strict=True):
        bound = 4 * torch.sqrt(given * (1 - given) / n) + 1e-9
        assert ((read - given).abs() <= bound).all(), expression


def test_compound_faces_show_their_rows_units_and_are_half_of_each_component():
    world = World(DU, 0, DOMAINS["rafdb-compound"], QUIET)
    truths = [world.draw(i) for i in range(300)]
    assert {truth.compound for truth in truths} == set(COMPOUND_RAFDB)
    for truth in truths:
        active = coded(truth.face.intensities)
        row = DU.row(truth.category)
        assert truth.compound == truth.category
        assert all(active[AU_INDEX[n]] for n in DU.prototypical(truth.category) if n in AU_INDEX)
        assert not any(active[i] for n, i in AU_INDEX.items() if n not in row)
        parts = COMPOUND_EXPRESSIONS[truth.category]
        named = {EXPRESSIONS[i] for i in truth.annotations.expression.nonzero().flatten().tolist()}
        assert named == {parts.first, parts.second}
        assert truth.annotations.expression.sum() == 1


def test_labels_are_what_the_face_shows():
    world = World(DU, 3)
    for truth in (world.draw(i) for i in range(50)):
        labels = truth.annotations
        assert labels.action_units.tolist() == coded(truth.face.intensities).tolist()
        assert labels.action_units_weight.tolist() == [1] * 17
        assert labels.expression_weight == labels.valence_arousal_weight == 1
        assert EXPRESSIONS[int(labels.expression.argmax())].value == truth.category
        assert labels.valence_arousal.tolist() == pytest.approx(truth.affect)
        assert truth.attributes == attributes(truth.face)
        assert Face.model_validate_json(truth.face.model_dump_json()) == truth.face
        assert truth.compound is None
        assert all(type(present) is bool for _, present in truth.attributes)


def test_a_picture_depends_on_world_and_index_alone():
    first, again, other = World(DU, 1), World(DU, 1), World(DU, 2)
    forwards = [first.draw(i) for i in range(4)]
    backwards = [again.draw(i) for i in reversed(range(4))][::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert a.face == b.face
        assert torch.equal(a.annotations.valence_arousal, b.annotations.valence_arousal)
    assert forwards[0].face != forwards[1].face
    assert other.draw(0).face.identity != forwards[0].face.identity
    renamed = World(DU, 1, Domain(name="other"))
    assert renamed.draw(0).face.identity != forwards[0].face.identity


def test_noise_changes_labels_and_nothing_else():
    clean, noisy = (
        World(DU, 1),
        World(DU, 1, settings=WorldSettings(noise=Noise(miss=1, imagine=1, confuse=1, affect_sd=0.3))),
    )
    for i in range(20):
        a, b = clean.draw(i), noisy.draw(i)
        assert a.face == b.face
        assert (a.category, a.affect) == (b.category, b.affect)
        assert torch.equal(a.annotations.action_units, 1 - b.annotations.action_units)
        assert a.annotations.expression.argmax() != b.annotations.expression.argmax()
        assert not torch.equal(a.annotations.valence_arousal, b.annotations.valence_arousal)
    compound = World(DU, 1, DOMAINS["rafdb-compound"], WorldSettings(noise=Noise(confuse=1))).draw(0)
    assert compound.compound in COMPOUND_RAFDB
    assert compound.compound != compound.category


def test_subjects_return_every_so_many_pictures():
    world = World(DU, 0, Domain(population=Population(people=3)))
    truths = [world.draw(i) for i in range(6)]
    assert [t.subject for t in truths] == ["0000", "0001", "0002"] * 2
    still = {"brow_arch": 0.0}
    assert truths[0].face.identity.model_copy(update=still) == truths[3].face.identity.model_copy(update=still)


def test_quiet_worlds_do_not_contradict_themselves():
    world = World(DU, 0, settings=QUIET)
    assert not [i for i in range(300) if contradiction(world.draw(i).annotations)]


def test_votes_fall_on_the_pictures_class():
    world = World(DU, 0, DOMAINS["ferplus"])
    for i in range(30):
        assert world.votes(i)[world.draw(i).category] == 10
    noisy = World(DU, 0, DOMAINS["ferplus"], WorldSettings(noise=Noise(disagree=0.4)))
    ballots = [noisy.votes(i) for i in range(30)]
    assert ballots == [noisy.votes(i) for i in range(30)]
    assert 4 < np.mean([max(b.values()) for b in ballots]) < 9


def test_domains_prevailing_classes_and_bias_show():
    happy = Domain(classes=(("happiness", 3.0), ("sadness", 1.0), ("fear", 0.0)), affect_bias=(0.0, -0.2))
    truths = [(world := World(DU, 0, happy, QUIET)).draw(i) for i in range(400)]
    assert world.classes == ("happiness", "sadness")
    share = np.mean([t.category == "happiness" for t in truths])
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 400)
    for t in truths[:20]:
        assert float(t.annotations.valence_arousal[1]) == pytest.approx(max(t.affect[1] - 0.2, -1), abs=1e-6)


def test_a_class_without_a_row_is_refused():
    with pytest.raises(
        FormatError, match="rafdb-compound shows 'happily surprised', but the table has rows for neutral"
    ):
        World(AFFWILD, 0, DOMAINS["rafdb-compound"])
    with pytest.raises(FormatError, match="seed = -1"):
        World(DU, -1)


def test_a_world_goes_to_json_and_back_with_its_table(tmp_path: Path):
    table = DU.edited("happiness", 6, 0.75, note="by hand")
    world = World(table, 9, DOMAINS["afew-va"], WorldSettings(noise=Noise(miss=0.1)))
    world.write(tmp_path / "world.json")
    back = World.read(tmp_path / "world.json")
    assert back == world
    assert hash(back) == hash(world)
    assert back.table.provenance == table.provenance
    assert back.draw(4).face == world.draw(4).face
    assert [p.name for p in tmp_path.iterdir()] == ["world.json"]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("colour",), 1, "expected an object with exactly table, seed, domain, settings, found colour"),
        (("seed",), "x", "seed = 'x': expected a whole number"),
        (("seed",), -3, "seed = -3: expected 0 or more"),
        (("domain", "yaw"), 90, "domain.yaw = 90: .*less than or equal to 30"),
        (("domain", "zoom"), [0.2, 1.0], "domain.zoom.0 = 0.2: .*greater than or equal to 0.4"),
        (("domain", "affect_bias"), [0.0, float("nan")], "domain.affect_bias.1 = nan: .*finite"),
        (("domain", "weather"), 1, "domain.weather = 1: expected no such field"),
        (("domain", "population", "cats"), 1, "domain.population.cats = 1: expected no such field"),
        (("domain", "classes"), [["fear", 0.0]], "expected at least one class"),
        (("domain", "classes"), [["fear", 1.0], ["fear", 1.0]], "expected each class once"),
        (("domain", "classes"), [["joy", 1.0]], "shows 'joy', but the table has rows for"),
        (("settings", "noise", "miss"), 2, "settings.noise.miss = 2"),
        (("table", "rows", "fear", "AU99"), 0.5, "table: rows, fear: unknown column or AU 'AU99'"),
    ],
)
def test_a_world_file_that_departs_is_refused_in_words(
    tmp_path: Path, path: tuple[str, ...], value: object, message: str
):
    data = json.loads(World(DU).to_json())
    place = data
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    (tmp_path / "w.json").write_text(json.dumps(data))
    with pytest.raises(FormatError, match=r"w\.json: .*" + message):
        World.read(tmp_path / "w.json")


def test_a_file_that_is_no_world_is_refused(tmp_path: Path):
    with pytest.raises(MissingFileError, match="no such file"):
        World.read(tmp_path / "none.json")
    with pytest.raises(MissingFileError, match="folder that is there"):
        World(DU).write(tmp_path / "none" / "w.json")
    for text in ("{", "[]", '"x"'):
        with pytest.raises(FormatError, match="expected"):
            World.from_json(text)

import numpy as np
import pytest

from fbn.relatedness import RelatednessTable
from fbn.synthetic.activity import coded
from fbn.synthetic.domains import DOMAINS, Domain
from fbn.synthetic.world import Truth, World
from fbn.vocabulary import CLASSES_EMOTIONET, COMPOUND_RAFDB

LAYOUTS = (
    "affwild2 saffwild2 affectnet affectnet-npy rafdb rafdb-compound emotionet disfa bp4d afew-va celeba ferplus "
    "ckplus affectnet-train-masked expw diffusionfer"
)
DU = RelatednessTable.named("du2014")


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Truth]]:
    worlds = {name: World(DU, 0, DOMAINS[name]) for name in ("affwild2", "disfa", "ckplus", "ferplus")}
    return {name: [world.draw(i) for i in range(150)] for name, world in worlds.items()}


def test_every_layout_has_a_domain_of_its_name_that_draws():
    assert list(DOMAINS) == LAYOUTS.split()
    for name, domain in DOMAINS.items():
        assert domain.name == name
        world = World(DU, 0, domain)
        compounds = [truth.compound for truth in map(world.draw, range(8)) if truth.compound]
        assert len(compounds) == {"rafdb-compound": 8}.get(name, len(compounds) if name == "emotionet" else 0)
        assert set(compounds) <= set(COMPOUND_RAFDB if name == "rafdb-compound" else CLASSES_EMOTIONET)


def test_heads_are_held_and_lit_as_the_domain_says():
    domain, generator = Domain(yaw=12, light=10, hardness=(0.3, 0.4), backgrounds=1), np.random.default_rng(0)
    scenes = [domain.scene(generator) for _ in range(600)]
    assert np.std([s.yaw for s in scenes]) == pytest.approx(12, rel=0.1)
    assert np.std([s.light[0] for s in scenes]) == pytest.approx(10, rel=0.1)
    assert all(0.3 <= s.hardness <= 0.4 for s in scenes)
    assert len({s.background for s in scenes}) == 1
    extreme = Domain(yaw=30, pitch=20, roll=30, gaze=1, light=60, shift=0.3, exposure=1)
    for _ in range(300):
        extreme.scene(generator)
        extreme.camera(generator)


def test_sets_look_different(drawn: dict[str, list[Truth]]):
    def spread(name: str) -> float:
        return float(np.std([t.face.scene.yaw for t in drawn[name]]))

    def mean(name: str, field: str) -> float:
        return float(np.mean([getattr(t.face.camera, field) for t in drawn[name]]))

    assert spread("affwild2") > 2 * spread("disfa")
    assert mean("ferplus", "gray") == 1
    assert mean("affwild2", "gray") == 0
    assert mean("ckplus", "gray") > 0.75
    assert mean("ferplus", "blur") > 2 * mean("ckplus", "blur")
    assert mean("affwild2", "compression") > 3 * mean("ckplus", "compression")
    assert len({t.face.scene.background for t in drawn["affwild2"]}) > 100
    walls = [{t.face.scene.background for t in drawn[name]} for name in ("disfa", "ckplus")]
    assert [len(wall) for wall in walls] == [1, 1]
    assert walls[0] != walls[1]
    assert len({t.subject for t in drawn["disfa"]}) == 27


def test_sets_labels_differ(drawn: dict[str, list[Truth]]):
    def neutral(name: str) -> float:
        return float(np.mean([t.category == "neutral" for t in drawn[name]]))

    def strength(name: str) -> float:
        units = np.stack([t.face.intensities for t in drawn[name]])
        return float(units.mean(-1)[coded(units) > 0].mean())

    assert neutral("disfa") > 0.4
    assert neutral("ckplus") < 0.25
    assert strength("ckplus") > strength("disfa") + 0.2

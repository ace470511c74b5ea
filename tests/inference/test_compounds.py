"""Compound expressions in what is read: probabilities of every face, and what their scores are made of."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fbn.compound import CompoundClasses, terms
from fbn.errors import FormatError
from fbn.inference import Affect, FaceAnalyser
from fbn.inference.breakdown import ClassScore, breakdown
from fbn.inference.compounds import CompoundScorer
from fbn.inference.effect import predictions_of
from fbn.inference.smooth import OneEuroFilter, median_filter
from fbn.models import store
from fbn.models.zoo import compound_arguments, with_compound
from fbn.records import Predictions
from fbn.relatedness import RelatednessTable
from fbn.tasks import COMPOUND
from fbn.vocabulary import AU_INDEX, EXPRESSION_INDEX
from tests.inference.helpers import face, frame

RAFDB = CompoundScorer(CompoundClasses.named("rafdb"), temperature=0.2)
#: One class whose name says nothing.
OWN = CompoundClasses.of(["happily surprised", "confused", "awed"], RelatednessTable.named("du2014"), "own")


def read(expressions: dict[str, float], units: Sequence[int], valence: float, scorer: CompoundScorer = RAFDB) -> Affect:
    """A face that shows this."""
    e, a = np.full(7, 1e-6), np.full(17, 1e-6)
    for name, p in expressions.items():
        e[EXPRESSION_INDEX[name]] = p
    a[[AU_INDEX[number] for number in units]] = 1 - 1e-6
    e = torch.from_numpy(e / e.sum())[None]
    said = Predictions.of(
        e.log(), torch.from_numpy(a)[None].logit(), torch.tensor([[valence, 0.0]], dtype=torch.float64)
    )
    return Affect.of(scorer.complete(said), scorer)[0]


SURPRISED = read({"happiness": 0.5, "surprise": 0.5}, (1, 2, 12, 25), 0.5)
HAPPY = read({"happiness": 1.0}, (6, 12, 25), 0.5)


def test_probabilities_are_the_softmax_of_the_scores_and_of_none_of_them() -> None:
    shares = {share.name: share for share in breakdown(SURPRISED)}
    # AU1, AU2, AU12 and AU25 are happily surprised's prototypical ones; happiness alone has AU12, AU25 and AU6
    assert shares["happily surprised"].total == pytest.approx(3, abs=0.4)
    exponents = {name: np.exp(share.total / 0.2) for name, share in shares.items()}
    for name, share in shares.items():
        assert share.probability == pytest.approx(exponents[name] / sum(exponents.values()), abs=1e-5)
    assert float(SURPRISED.compound.sum() + SURPRISED.none_of_these.sum()) == pytest.approx(1, abs=1e-6)


def test_a_face_of_one_expression_is_none_of_them_and_says_which() -> None:
    assert SURPRISED.compound_label == "happily surprised"
    assert HAPPY.compound_label == "none of these"
    last = breakdown(HAPPY)[-1]
    assert (last.none, last.display_name) == (True, "None of these: happiness")
    assert last.probability == pytest.approx(float(HAPPY.none_of_these[0]))
    assert replace(HAPPY, scorer=None).compound_label is None


def test_the_terms_stand_apart_and_the_likeliest_comes_first() -> None:
    shares = breakdown(SURPRISED)
    assert shares[0].name == "happily surprised"
    assert [s.probability for s in shares[:-1]] == sorted((s.probability for s in shares[:-1]), reverse=True)
    expected = terms(predictions_of(SURPRISED), RAFDB.classes)
    place = RAFDB.classes.classes.index("happily surprised")
    assert shares[0].action_units == pytest.approx(float(expected.action_units[place]))
    assert shares[0].expressions == pytest.approx(1, abs=1e-4)
    assert shares[0].valence == 1
    assert {share.learnt for share in shares} == {0}
    unpleasant = breakdown(read({"happiness": 0.5, "surprise": 0.5}, (1, 2, 12, 25), -0.5))
    assert next(s for s in unpleasant if s.name == "happily surprised").valence == 0


def test_what_was_learnt_is_told_from_the_terms() -> None:
    learnt = CompoundScorer(OWN, temperature=0.3, learnt=True)
    before = read({"happiness": 0.5, "surprise": 0.5}, (1, 2, 12, 25), 0.5, CompoundScorer(OWN, 0.3))
    said = CompoundScorer(OWN, 0.3).complete(predictions_of(before)[None])
    residual = torch.tensor([-4.0, 2.0, 0.5], dtype=torch.float64)
    taught = Affect.of(said | {said.stored(COMPOUND): said.compound_logits + residual}, learnt)[0]
    shares = {share.name: share for share in breakdown(taught) if not share.none}
    for name, step in zip(OWN.classes, residual.tolist(), strict=True):
        assert shares[name].learnt == pytest.approx(0.3 * step, abs=1e-3)
    assert breakdown(taught)[-1].learnt == 0
    assert shares["confused"].parts == ()
    known = (shares["happily surprised"], shares["awed"])
    assert shares["confused"].action_units == pytest.approx(np.mean([s.action_units for s in known]), abs=1e-6)


def test_classes_that_say_nothing_leave_only_what_was_learnt() -> None:
    classes = CompoundClasses.of(["a", "b"], RelatednessTable.named("du2014"), "own")
    scorer = CompoundScorer(classes, temperature=0.5, learnt=True)
    said = predictions_of(HAPPY)[None] | Predictions.of(compound=torch.tensor([[2.0, 0.0]]))
    taught = Affect.of(said, scorer)[0]
    assert taught.none_of_these == pytest.approx([0])
    assert taught.compound_label == "a"
    shares = breakdown(taught)
    assert [(s.name, s.none) for s in shares] == [("a", False), ("b", False)]
    assert [s.total for s in shares] == pytest.approx([0.5, -0.5], abs=1e-5)


def test_a_face_read_without_compounds_has_no_breakdown() -> None:
    with pytest.raises(ValueError, match="without compound"):
        breakdown(face().affect)


def test_a_vector_and_back() -> None:
    vector = SURPRISED.vector()
    assert vector.shape == (26 + 11 + 1,)
    again = Affect.from_vector(vector, RAFDB)
    assert np.array_equal(again.vector(), vector)
    assert again.compound_label == "happily surprised"
    assert face().affect.vector().shape == (26,)


def test_compounds_are_smoothed_with_the_rest() -> None:
    frames = [frame(i, [face(0, affect)]) for i, affect in enumerate([SURPRISED, HAPPY, SURPRISED])]
    middle = [result.faces[0].smoothed for result in median_filter(frames, 3)][1]
    assert middle.compound == pytest.approx(SURPRISED.compound)
    assert middle.compound_label == "happily surprised"
    calm = OneEuroFilter()
    last = [calm(result).faces[0].smoothed for result in frames][1]
    place = RAFDB.classes.classes.index("happily surprised")
    assert HAPPY.compound[place] < last.compound[place] < SURPRISED.compound[place]


@pytest.fixture(scope="module")
def learnt_folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network with a head that knows three classes of its own."""
    network = with_compound(store.load(model_folder, "torch"), OWN, temperature=0.3)
    torch.nn.init.normal_(network.compound.residual.weight, std=0.5)
    folder = tmp_path_factory.mktemp("models") / "learnt"
    store.save(folder, network, name="learnt", zoo="compound", arguments=compound_arguments(network))
    return folder


CROPS = np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3), np.uint8)


def test_any_model_scores_a_set(model_folder: Path) -> None:
    plain = FaceAnalyser(model_folder, detector="cascade")
    scoring = FaceAnalyser(model_folder, detector="cascade", compounds=RAFDB.classes)
    assert plain.classes is None
    assert plain.crops(CROPS)[0].compound.size == 0
    assert scoring.classes == RAFDB.classes
    said, expected = scoring.predict(CROPS), terms(plain.predict(CROPS), RAFDB.classes)
    torch.testing.assert_close(said.compound_logits * scoring.scorer.temperature, expected.total)
    for one, other in zip(scoring.crops(CROPS), plain.crops(CROPS), strict=True):
        assert one.compound.shape == (11,)
        assert np.array_equal(one.vector()[:26], other.vector())


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_a_model_that_has_learnt_classes_reads_those(learnt_folder: Path, runtime: store.Runtime) -> None:
    analyser = FaceAnalyser(learnt_folder, runtime, detector="cascade")
    assert analyser.classes == OWN
    network = store.load(learnt_folder, "torch")
    with torch.inference_mode():
        expected = network(network.spec.prepare(CROPS)).compound
    said = Affect.of(analyser.predict(CROPS), analyser.scorer)
    for affect, share in zip(said, expected, strict=True):
        among = affect.compound / affect.compound.sum()
        assert among == pytest.approx(share.numpy(), abs=2e-4)


def test_a_set_that_is_asked_for_goes_before_what_was_learnt(learnt_folder: Path, model_folder: Path) -> None:
    one, other = (
        FaceAnalyser(folder, detector="cascade", compounds=RAFDB.classes) for folder in (learnt_folder, model_folder)
    )
    for a, b in zip(one.crops(CROPS), other.crops(CROPS), strict=True):
        assert a.compound == pytest.approx(b.compound, abs=1e-4)


def test_mirrored_crops_are_averaged_before_they_are_scored(model_folder: Path) -> None:
    flipped = FaceAnalyser(model_folder, detector="cascade", flip=True, compounds=RAFDB.classes)
    said, again = flipped.predict(CROPS), flipped.predict(CROPS[:, :, ::-1])
    torch.testing.assert_close(said.compound_logits, again.compound_logits, rtol=1e-3, atol=1e-3)


def test_a_model_that_lacks_a_task_is_refused() -> None:
    network = store.build("expression", {"widths": (8, 8), "blocks": (1, 1)}).eval()
    with pytest.raises(FormatError, match="reads only expression: compound expressions are scored by all three"):
        FaceAnalyser(network, detector="cascade", compounds=RAFDB.classes)


def test_words() -> None:
    share = ClassScore("happily surprised", (), 0.5, 0.1, 0.2, 1.0)
    assert (share.display_name, share.total) == ("Happily surprised", pytest.approx(1.3))

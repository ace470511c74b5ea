"""Compound expressions on Live and Analyse: which are looked for, the bars, the terms, the table to download."""

import re
from types import SimpleNamespace

import av
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fbn.compound import CompoundClasses
from fbn.inference import Affect, FaceResult, FrameResult
from fbn.inference.breakdown import ClassScore
from fbn.inference.compounds import CompoundScorer
from fbn.inference.effect import predictions_of
from fbn.inference.export import layout_of, to_pandas
from fbn.relatedness import RelatednessTable, Versions
from fbn.resources import shipped
from fbn.tasks import AFFECT_TASKS, EXPRESSION
from fbn.ui import html
from fbn.ui.panels import terms_table
from fbn.vocabulary import Expression
from tests.ui.conftest import FakeAnalyser, by_key, face

OWN = CompoundClasses.of(["happily surprised", "confused"], RelatednessTable.named("du2014"), "own")
HAPPY, SURPRISE = Expression.HAPPINESS, Expression.SURPRISE
SHARES = (
    ClassScore("happily surprised", (HAPPY, SURPRISE), 0.3, 0.5, 0.9, 1.0),
    *(ClassScore(f"class {i}", (), 0.01, 0.1, 0.0, 0.0) for i in range(4)),
    ClassScore("happiness", (HAPPY,), 0.66, 0.9, 0.8, 1.0, none=True),
)


class Scoring(FakeAnalyser):
    """As the analyser: scores what it is asked for, else what its model has learnt."""

    learnt: CompoundClasses | None = None

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        asked = options.get("compounds")
        if classes := asked or self.learnt:
            self.faces = (_scored(self.faces[0], CompoundScorer(classes, learnt=asked is None)),)


def _scored(one: FaceResult, scorer: CompoundScorer) -> FaceResult:
    said = CompoundScorer(scorer.classes).complete(predictions_of(one.affect)[None])
    affect = Affect.of(said, scorer)[0]
    return FaceResult(
        one.face_id, one.box, one.score, one.landmarks, affect, affect if one.smoothed is not None else None
    )


@pytest.fixture
def about(monkeypatch: pytest.MonkeyPatch, tmp_path) -> SimpleNamespace:
    """What the picked model says of itself; the camera plays."""
    said = SimpleNamespace(tasks=AFFECT_TASKS, classes=(), sha256={}, callbacks=[])

    def streamer(key: str, **options: object) -> SimpleNamespace:
        said.callbacks.append(options["video_frame_callback"])
        return SimpleNamespace(state=SimpleNamespace(playing=True))

    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    monkeypatch.setattr("fbn.ui.live.webcam.webrtc_streamer", streamer)
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", Scoring)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn", "other"))
    monkeypatch.setattr("fbn.models.store.manifest", lambda name: said)
    return said


def opened(name: str) -> AppTest:
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    return test.switch_page(f"pages/{name}.py").run()


def drawn(test: AppTest) -> str:
    assert not test.exception
    return re.sub("<style>.*?</style>", "", "".join(str(each.value) for each in test.get("html")), flags=re.DOTALL)


def shows_compounds(test: AppTest) -> bool:
    return 'aria-label="Compound expressions"' in drawn(test)


def shows_terms(test: AppTest) -> bool:
    return 'class="fbn-terms"' in drawn(test)


def frame() -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.full((480, 640, 3), 120, np.uint8), format="rgb24")


def test_bars_are_the_three_likeliest_and_none_of_these():
    text = html.compound_bars(SHARES)
    rows = text.split('role="listitem"')[1:]
    assert len(rows) == 4
    assert "Happily surprised" in rows[0]
    assert "None of these: happiness" in rows[3]
    assert "66 %" in rows[3]
    assert text.count("fbn-top") == 1
    assert "fbn-row fbn-top fbn-none" in text
    assert "action units 0.50 + expressions 0.90 + valence 1 = 2.40" in rows[0]


def test_a_bar_has_the_colours_of_its_two_expressions():
    rows = html.compound_bars(SHARES).split('role="listitem"')[1:]
    assert "#E69F00 50%,#56B4E9 50%" in rows[0]
    assert "gradient" not in rows[1]


def test_names_are_told_as_text():
    text = html.compound_bars([ClassScore("<b>&{x}", (), 1.0, 0.0, 0.0, 0.0)])
    assert "<b>" not in text
    assert text.count("&lt;b&gt;&amp;{x}") == 2


def test_the_table_shows_the_terms_the_likeliest_first():
    table = terms_table(SHARES)
    assert list(table) == ["Class", "Action units", "Expressions", "Valence", "Score", "Share"]
    assert table["Class"].tolist()[:3] == ["None of these: happiness", "Happily surprised", "Class 0 *"]
    assert len(table) == len(SHARES)
    assert table.iloc[1, 1:].tolist() == pytest.approx([0.5, 0.9, 1.0, 2.4, 30])


def test_what_was_learnt_is_a_column_of_its_own():
    table = terms_table([ClassScore("awed", (SURPRISE,), 0.5, 0.1, 0.2, 0.0, learnt=-0.25)])
    assert table["Learnt"].tolist() == [-0.25]
    assert table["Score"].tolist() == pytest.approx([0.05])


def test_live_shows_compounds_when_asked_and_their_terms_when_frozen(about: SimpleNamespace):
    test = opened("live")
    about.callbacks[-1](frame())
    test.run()
    assert not shows_compounds(test)
    by_key(test.selectbox, "live compounds set").set_value("rafdb").run()
    about.callbacks[-1](frame())
    test.run()
    assert shows_compounds(test)
    assert "None of these: happiness" in drawn(test)
    assert not shows_terms(test)
    test.toggle(key="freeze").set_value(True).run()
    assert shows_terms(test)
    by_key(test.selectbox, "live compounds set").set_value("off").run()
    assert not shows_compounds(test)


def test_a_saved_table_is_among_the_sets_and_told_when_it_is_gone(about: SimpleNamespace):
    Versions().save("mine", RelatednessTable.named("du2014"), 0)
    Versions().save("basic", RelatednessTable.named("affwild2"), 0)
    test = opened("live")
    options = by_key(test.selectbox, "live compounds set").options
    assert options == [
        *("Off", "RAF-DB: 11 compounds", "EmotioNet: 6 basic, 10 compound", "Du 2014: 15 compounds"),
        "mine: your table",
    ]
    by_key(test.selectbox, "live compounds set").set_value("mine").run()
    assert test.session_state["live compounds of fbn"] == "mine"
    Versions().delete("mine")
    test.run()
    assert not test.exception
    assert by_key(test.selectbox, "live compounds set").value == "off"


def test_what_a_model_has_learnt_is_shown_unasked(about: SimpleNamespace, monkeypatch: pytest.MonkeyPatch):
    about.classes = OWN.classes
    monkeypatch.setattr(Scoring, "learnt", OWN)
    test = opened("live")
    assert by_key(test.selectbox, "live compounds set").options[1] == "Learnt by fbn: 2 classes"
    about.callbacks[-1](frame())
    test.run()
    assert "Confused" in drawn(test)
    by_key(test.selectbox, "live compounds set").set_value("off").run()
    about.callbacks[-1](frame())
    test.run()
    assert not shows_compounds(test)


def test_a_model_that_lacks_a_task_cannot_score(about: SimpleNamespace):
    about.tasks = (EXPRESSION,)
    box = by_key(opened("live").selectbox, "live compounds set")
    assert box.disabled
    assert box.options == ["Off"]


def test_a_picture_on_live_too(about: SimpleNamespace):
    test = opened("live")
    test.button_group(key="live_source pick").set_value("Picture").run()
    by_key(test.selectbox, "live compounds set").set_value("emotionet").run()
    assert shows_terms(test)


def test_analyse_shows_the_terms_and_writes_the_columns(about: SimpleNamespace):
    test = opened("analyse")
    next(button for button in test.button if button.label == "Use the sample picture").click().run()
    assert not shows_compounds(test)
    plain = list(test.dataframe[0].value.columns)
    by_key(test.selectbox, "analyse compounds set").set_value("du2014").run()
    assert shows_compounds(test)
    assert shows_terms(test)
    table = test.dataframe[0].value
    assert list(table.columns[: len(plain)]) == plain
    assert list(table.columns[len(plain) : len(plain) + 2]) == ["compound", "compound_happily_surprised"]
    assert len(table.columns) == len(plain) + 16
    assert table["compound"].tolist() == ["none of these"]


def test_a_table_over_two_sets_has_the_columns_of_both():
    sets = [CompoundScorer(CompoundClasses.named(name)) for name in ("rafdb", "emotionet")]
    faces = [face(), *(_scored(face(), scorer) for scorer in sets)]
    results = [FrameResult("webcam", i, i / 10, (640, 480), (one,)) for i, one in enumerate(faces)]
    table = to_pandas(results, *layout_of(results))
    assert len(table.columns) == 36 + 1 + len({*sets[0].classes.classes, *sets[1].classes.classes})
    assert table["compound"].isna().tolist() == [True, False, False]
    assert table["compound_appalled"].isna().tolist() == [True, True, False]
    assert table["compound_happily_surprised"].isna().tolist() == [True, False, False]

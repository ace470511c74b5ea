"""The effect panel: what it says of a face, of an edit, and of tables or models that do not serve."""

from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from fbn.inference.effect import compare, effect
from fbn.relatedness import RelatednessTable, Versions
from fbn.resources import shipped
from fbn.ui import effect_html
from tests.inference.test_effect import ODD
from tests.ui.conftest import FakeAnalyser, words

DU = RelatednessTable.named("du2014")
EDITED = DU.edited("happiness", 12, None).edited("happiness", 9, 0.9)


def _rows(html: str) -> dict[str, str]:
    return {row.split(">AU")[1].split("<")[0]: row for row in html.split('role="listitem"')[1:]}


def test_a_row_shows_seen_implied_part_and_pull():
    found = effect(ODD, DU)
    rows = _rows(effect_html.action_units(found, "kl"))
    assert len(rows) == 17
    assert "width:10.0%" in rows["12"]
    assert 'fbn-q" style="left:80.0%"' in rows["12"]
    assert "▲" in rows["12"]
    assert "▼" in rows["9"]
    assert "–" in rows["14"]
    assert "fbn-was" not in rows["12"]
    before = _rows(effect_html.action_units(effect(ODD, EDITED), "kl", found))
    assert 'fbn-was" style="left:80.0%"' in before["12"]


def test_conflicts_are_listed_and_cut_short():
    found = effect(ODD, DU).conflicts
    html = effect_html.conflicts(found)
    assert "happiness 0.80 implies AU12; seen 0.10" in html
    assert "and 1 narrower ones" in effect_html.conflicts(found, 1)
    assert "settled by the edit" in effect_html.changed_conflicts(compare(ODD, DU, EDITED))


def _panel(table: str, base: str) -> None:
    import torch

    from fbn.records import Predictions
    from fbn.relatedness import Provenance, RelatednessTable
    from fbn.ui.effect_view import effect_view
    from tests.inference.test_effect import ODD

    tables = {
        "du": RelatednessTable.named("du2014"),
        "edited": RelatednessTable.named("du2014").edited("happiness", 12, None).edited("happiness", 9, 0.9),
        "short": RelatednessTable.of({"happiness": {12: 1}}, Provenance("mine")),
        "": None,
    }
    read = Predictions.of(torch.zeros(7)) if table == "headless" else ODD
    effect_view(read, tables.get(table) or tables["du"], tables[base])


@pytest.fixture
def panel():
    def opened(table: str, base: str = "") -> AppTest:
        return AppTest.from_function(_panel, args=(table, base), default_timeout=120).run()

    return opened


def test_panel_shows_figures_and_formulas_and_follows_the_form(panel):
    test = panel("du")
    assert not test.exception
    found = effect(ODD, DU)
    assert [m.value for m in test.metric] == [
        f"{found.total('kl'):.2f}",
        f"{found.soft_loss['printed']:.2f}",
        str(len(found.conflicts)),
    ]
    assert f"AU{found_worst(found, 'kl')}'s part of distribution matching, kl" in words(test)
    test.button_group(key="effect form").set_value("printed").run()
    assert test.metric[0].value == f"{found.total('printed'):.2f}"
    test.selectbox(key="effect number").set_value(12).run()
    assert "What the expressions imply for AU12" in words(test)


def found_worst(found, form: str) -> int:
    from fbn.vocabulary import AU_NUMBERS

    return AU_NUMBERS[int(np.argmax(found.matching[form]))]


def test_panel_holds_an_edit_against_its_base(panel):
    test = panel("edited", "du")
    assert not test.exception
    assert test.metric[2].delta == "-2 by the edit"
    assert "before: Labelled *happiness* alone: AU6 (weight 0.51), AU12, AU25." in words(test)
    same = panel("du", "du")
    assert not same.metric[2].delta


def test_panel_says_why_a_table_or_model_does_not_serve(panel):
    short = panel("short")
    assert not short.exception
    assert "need a row for each of the seven expressions" in short.error[0].value
    headless = panel("headless")
    assert "does not read both" in headless.caption[0].value


def test_live_shows_conflicts_by_the_chosen_table(monkeypatch: pytest.MonkeyPatch, tmp_path_factory):
    monkeypatch.setenv("FBN_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", FakeAnalyser)
    monkeypatch.setattr("fbn.models.store.names", lambda: ("fbn",))
    monkeypatch.setattr(
        "fbn.ui.live.webcam.webrtc_streamer", lambda **options: SimpleNamespace(state=SimpleNamespace(playing=True))
    )
    test = AppTest.from_file(str(shipped("app.py")), default_timeout=120).run()
    test.switch_page("pages/live.py").run()
    test.session_state["live"].show(np.full((480, 640, 3), 120, np.uint8), 0.0)
    test.run()
    assert "Statements in conflict" not in words(test)
    test.toggle(key="live_conflicts").set_value(True).run()
    assert not test.exception
    assert "Statements in conflict" in words(test)
    assert any("happiness 0.86 implies AU25; seen 0.10" in str(html.value) for html in test.get("html"))
    Versions().save("mine", DU.edited("happiness", 25, None), 0)
    test.run()
    test.selectbox(key="live table").set_value("mine").run()
    assert "None: what is seen and what the table implies agree." in [caption.value for caption in test.caption]
    test.button_group(key="live_source pick").set_value("Picture").run()
    assert "None: what is seen and what the table implies agree." in [caption.value for caption in test.caption]

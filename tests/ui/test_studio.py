"""The studio without a browser: its faces, its files, and the page run by Streamlit's own harness."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from fbn.errors import FormatError
from fbn.relatedness import RelatednessTable, Versions
from fbn.relatedness.versions import load_table
from fbn.synthetic import editing
from fbn.synthetic.parameters import Camera, Face, Scene
from fbn.ui.studio import controls, html
from fbn.ui.studio.state import Studio
from fbn.vocabulary import ACTION_UNITS, AU_INDEX, COMPOUND_EXPRESSIONS
from tests.ui.conftest import Reader, by_key, press, words

KNOBS = (*controls.SHAPE, *controls.LOOKS, *controls.HEAD, *controls.LIGHT, *controls.CAMERA)
DU = RelatednessTable.named("du2014")
SMILE = Face().with_units({6: 0.8, 12: 0.8})


def now(opened: AppTest) -> Face:
    assert not opened.exception
    state: Studio = opened.session_state["studio"]
    return state.face


def unit(face: Face, number: int) -> tuple[float, float]:
    return face.action_units[AU_INDEX[number]]


def test_one_unit_moves_alone():
    moved = editing.with_unit(SMILE, 9, 0.4)
    assert (unit(moved, 9), unit(moved, 12)) == ((0.4, 0.4), (0.8, 0.8))
    assert unit(editing.with_unit(SMILE, 12, 0.1, 0), 12) == (0.1, 0.8)
    assert unit(editing.with_unit(SMILE, 12, 0.1, 1), 12) == (0.8, 0.1)
    assert unit(editing.symmetric(editing.with_unit(SMILE, 12, 0.1, 1)), 12) == (0.8, 0.8)


@pytest.mark.parametrize("name", RelatednessTable.names())
def test_presets_show_what_the_table_says(name: str):
    table = RelatednessTable.named(name)
    for category in table.categories:
        shown = editing.active_units(editing.unit_levels(editing.preset(SMILE, table, category, 0.7)))
        wanted = {n for n, weight in table.row(category).items() if weight >= 0.5 and n != 11}
        assert {u.number for u in shown} == wanted


def test_a_preset_keeps_person_and_pose():
    someone = editing.person(Face(scene=Scene(yaw=10)), 7)
    afraid = editing.preset(someone, DU, "fear", 0.6)
    assert afraid.with_units({}) == someone
    assert editing.looks(7) != editing.looks(8)


def test_every_field_has_a_knob_whose_ends_are_allowed():
    turned = {(knob.part, knob.name) for knob in KNOBS}
    beside = {("appearance", "hair"), ("appearance", "hair_colour"), ("scene", "background"), ("camera", "gray")}
    fields = {
        (part, name)
        for part in ("identity", "appearance", "scene", "camera")
        for name in type(getattr(Face(), part)).model_fields
    }
    assert turned | beside == fields - {("camera", "seed")}
    assert len({knob.key for knob in KNOBS}) == len(KNOBS)
    for knob in KNOBS:
        for end in (knob.low, knob.high):
            turned_face = knob.set_in(Face(), end)
            assert knob.value_in(turned_face) == end
            assert Face.model_validate(turned_face.model_dump()) == turned_face
        with pytest.raises(ValueError):
            Face.model_validate(knob.set_in(Face(), knob.high + 0.1).model_dump())


def test_comparison_in_words_names_the_widest_gap_among_those_that_part():
    truth, read = np.zeros(17), np.zeros(17)
    truth[AU_INDEX[9]], read[AU_INDEX[9]] = 0.8, 0.12
    truth[AU_INDEX[25]], read[AU_INDEX[25]] = 0.6, 0.45
    read[AU_INDEX[4]] = 0.49
    said = html.compared(truth, read)
    assert said == "Both agree on 15 of 17. They part most at **AU9 Nose wrinkler**: drawn 0.80, read 0.12."
    assert html.compared(truth, truth) == "Both agree on all 17 action units."


def test_comparison_marks_agreement_by_sign_and_says_it_in_each_row():
    truth, read = np.zeros(17), np.zeros(17)
    truth[AU_INDEX[9]], read[AU_INDEX[9]] = 0.8, 0.12
    text = html.comparison(truth, read)
    rows = text.split('role="listitem"')[1:]
    assert [row.count("≠</span>") for row in rows] == [int(u.number == 9) for u in ACTION_UNITS]
    assert "Drawn 0.80, read 0.12: they part." in rows[AU_INDEX[9]]
    assert 'class="fbn-mark" style="left:80.0%"' in rows[AU_INDEX[9]]
    assert "width:12.0%" in rows[AU_INDEX[9]]


def test_a_saved_face_loads_again():
    someone = editing.person(editing.with_unit(SMILE, 9, 0.35, 1), 3)
    assert editing.load_face("a.json", someone.model_dump_json(indent=1).encode()) == someone


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        (b"no json", "f.json: Invalid JSON"),
        (b"", "f.json: Invalid JSON"),
        (b"\xff\xfe", "f.json: Invalid JSON"),
        (b"[1]", "f.json: Input should be an object"),
        (b'{"scene": {"yaw": 99}}', "f.json: scene.yaw: Input should be less than or equal to 45"),
        (b'{"scene": {"yaw": NaN}}', "f.json: scene.yaw: "),
        (b'{"hat": 1}', "f.json: hat: expected no such field"),
        (b'{"action_units": [[0, 0]]}', "f.json: action_units: Tuple should have at least 17 items"),
        (b" " * 70_000, "f.json: 70,000 bytes: expected a face, at most 65,536 bytes"),
        (json.dumps({"action_units": [[0, 0]] * 9 + [[0, 3]] * 8}).encode(), "f.json: action_units, AU14 right: "),
        (b'{"identity": ' * 200, "f.json: "),
    ],
)
def test_a_bad_face_is_refused_in_words(contents: bytes, said: str):
    with pytest.raises(FormatError) as error:
        editing.load_face("f.json", contents)
    assert str(error.value).startswith(said)


def test_a_table_is_read_and_a_bad_cell_named():
    file = BytesIO(b"category,AU01,AU12\nhappiness,,1\nfear,0.6,\n")
    table = load_table("mine.csv", file.getvalue())
    assert table.row("fear") == {1: 0.6}
    with pytest.raises(FormatError) as error:
        load_table("mine.csv", b"category,AU01,AU12\nhappiness,,1.7\n")
    said = str(error.value)
    assert said.startswith("mine.csv")
    assert "AU12" in said
    assert "1.7" in said
    assert "/" not in said.replace("[0, 1]", "")


def test_frames_rise_stay_and_return():
    path = editing.transition(Face(), SMILE, 0.8, hold=0.5)
    levels = [unit(face, 12)[0] for face, _ in path]
    peak = levels.index(max(levels))
    assert (levels[0], levels[peak]) == (0, 0.8)
    assert levels[:peak] == sorted(levels[:peak])
    assert levels[1:peak] == levels[:peak:-1]
    assert sum(shown for _, shown in path) == pytest.approx(2 * 0.8 + 2 * 0.5, abs=0.2)
    one_way = editing.transition(Face(), SMILE, 0.8, hold=0.5, back=False)
    assert one_way == path[: peak + 1]
    assert one_way[-1][0] == SMILE


def test_gif_keeps_size_times_and_colours():
    faces = [Face(), SMILE, Face(camera=Camera(exposure=0.8)), SMILE]
    file = Image.open(BytesIO(editing.gif_bytes(list(zip(faces, [0.6, 0.08, 0.6, 0.08], strict=True)), 32)))
    assert (file.size, file.n_frames, file.info["loop"]) == ((32, 32), 4, 0)
    times = []
    for i, face in enumerate(faces):
        file.seek(i)
        times.append(file.info["duration"])
        assert np.abs(np.array(file.convert("RGB"), int) - editing.picture(face, 32).image).mean() < 8
    assert times == [600, 80, 600, 80]


def test_page_opens_on_a_smile_with_its_reading(opened: AppTest):
    assert opened.title[0].value == "Face studio"
    assert {u.number for u in editing.active_units(editing.unit_levels(now(opened)))} == {6, 12, 25}
    assert "They part most at **AU" in words(opened)
    assert Reader.seen[0].shape == (editing.SIZE, editing.SIZE, 3)
    assert (Reader.seen[0] == editing.picture(now(opened)).image).all()


def test_a_slider_moves_one_unit_and_undo_moves_the_slider_back(opened: AppTest):
    before = now(opened)
    by_key(opened.slider, "studio AU09 None").set_value(0.6).run()
    assert now(opened) == editing.with_unit(before, 9, 0.6)
    assert len(Reader.seen) == 2
    press(opened, "Undo")
    assert now(opened) == before
    assert by_key(opened.slider, "studio AU09 None").value == 0
    press(opened, "Redo")
    assert by_key(opened.slider, "studio AU09 None").value == 0.6
    assert len(opened.slider) == 18


@pytest.mark.parametrize("label", ["Relax", "Reset"])
def test_a_slider_moved_in_the_run_of_a_sweeping_click_stays(opened: AppTest, label: str):
    by_key(opened.slider, "studio AU09 None").set_value(0.6)
    press(opened, label)
    assert now(opened) == editing.with_unit(Face(), 9, 0.6)
    assert by_key(opened.slider, "studio AU09 None").value == 0.6
    # where it was moved before the click, one step takes it back
    press(opened, "Undo")
    assert now(opened) == Face()


def test_a_slider_moved_in_the_run_of_another_preset_or_person_stays(opened: AppTest):
    by_key(opened.selectbox, "studio category").set_value("anger")
    by_key(opened.slider, "studio AU09 None").set_value(0.6).run()
    angry = editing.with_unit(editing.preset(Face(), DU, "anger", 0.8), 9, 0.6)
    assert now(opened) == angry
    opened.button_group(key="studio_group").set_value("Person").run()
    by_key(opened.slider, "studio appearance.age").set_value(0.9)
    press(opened, "New person")
    assert now(opened).appearance.age == 0.9
    assert now(opened).identity != angry.identity


def test_halves_move_apart_and_are_levelled_again(opened: AppTest):
    by_key(opened.toggle, "studio linked").set_value(False).run()
    by_key(opened.slider, "studio AU12 1").set_value(0.1).run()
    assert unit(now(opened), 12) == (0.8, 0.1)
    by_key(opened.toggle, "studio linked").set_value(True).run()
    assert unit(now(opened), 12) == (0.8, 0.8)
    press(opened, "Undo")
    # halves that differ keep their two sliders
    assert by_key(opened.slider, "studio AU12 1").value == 0.1
    assert len(opened.slider) == 19


def test_presets_follow_the_table_and_the_intensity(opened: AppTest):
    by_key(opened.selectbox, "studio category").set_value("fearfully surprised").run()
    assert {u.number for u in editing.active_units(editing.unit_levels(now(opened)))} >= set(
        DU.prototypical("fearfully surprised")
    )
    by_key(opened.slider, "studio intensity").set_value(0.3).run()
    assert editing.unit_levels(now(opened)).max() == pytest.approx(0.3)
    by_key(opened.selectbox, "studio table").set_value("affwild2").run()
    assert opened.session_state["studio"].source == "affwild2"
    press(opened, "Relax")
    assert not editing.unit_levels(now(opened)).any()
    assert by_key(opened.selectbox, "studio category").value is None


def test_an_uploaded_table_serves_presets_and_a_bad_one_is_told(opened: AppTest):
    upload = opened.file_uploader(key="studio own table")
    upload.set_value(("mine.csv", b"category,AU01,AU12\nhappiness,1,\n", "text/csv")).run()
    assert by_key(opened.selectbox, "studio table").value == "mine.csv"
    assert [u.number for u in editing.active_units(editing.unit_levels(now(opened)))] == [1]
    upload = opened.file_uploader(key="studio own table")
    upload.set_value(("bad.csv", b"category,AU01\nhappiness,two\n", "text/csv")).run()
    assert not opened.exception
    assert [error.value.split(" = ")[0] for error in opened.error] == ["bad.csv: line 2: happiness, AU1"]
    assert by_key(opened.selectbox, "studio table").value == "mine.csv"


def test_a_saved_table_serves_presets_and_its_newer_version_the_next_time(
    opened: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("FBN_HOME", str(tmp_path))
    sneer = DU.edited("happiness", 12, None).edited("happiness", 9, 1.0)
    Versions().save("mine", sneer, 0)
    opened.run()
    assert "mine" in by_key(opened.selectbox, "studio table").options
    by_key(opened.selectbox, "studio table").set_value("mine").run()
    assert {u.number for u in editing.active_units(editing.unit_levels(now(opened)))} == {6, 9, 25}
    by_hand = editing.with_unit(now(opened), 4, 0.9)
    by_key(opened.slider, "studio AU04 None").set_value(0.9).run()
    opened.run()
    assert now(opened) == by_hand
    Versions().save("mine", sneer.edited("happiness", 6, None), 1)
    opened.run()
    assert {u.number for u in editing.active_units(editing.unit_levels(now(opened)))} == {9, 25}
    newest = next((tmp_path / "tables" / "mine").glob("0002.json"))
    newest.write_text("{")
    opened.run()
    assert "mine" in opened.error[0].value
    assert {u.number for u in editing.active_units(editing.unit_levels(now(opened)))} == {9, 25}


def test_a_face_is_loaded_and_a_bad_one_is_told(opened: AppTest):
    wanted = editing.person(SMILE, 12)
    opened.file_uploader(key="studio file").set_value(("f.json", wanted.model_dump_json().encode(), "application/json"))
    opened.run()
    assert now(opened) == wanted
    opened.file_uploader(key="studio file").set_value(("g.json", b'{"scene": {"pitch": 80}}', "application/json")).run()
    assert now(opened) == wanted
    assert "g.json: scene.pitch" in opened.error[0].value


def test_person_scene_and_camera_have_their_sliders(opened: AppTest):
    opened.button_group(key="studio_group").set_value("Person").run()
    by_key(opened.number_input, "studio person").set_value(42).run()
    identity, appearance = editing.looks(42)
    assert (now(opened).identity, now(opened).appearance) == (identity, appearance)
    by_key(opened.selectbox, "studio hair").set_value("bald").run()
    assert now(opened).appearance.hair == "bald"
    assert by_key(opened.number_input, "studio person").value is None
    opened.button_group(key="studio_group").set_value("Scene").run()
    by_key(opened.slider, "studio scene.yaw").set_value(20.0).run()
    by_key(opened.slider, "studio scene.light.1").set_value(-60.0).run()
    by_key(opened.number_input, "studio background").set_value(5).run()
    scene = now(opened).scene
    assert (scene.yaw, scene.light[1], scene.background) == (20, -60, 5)
    opened.button_group(key="studio_group").set_value("Camera").run()
    by_key(opened.toggle, "studio gray").set_value(True).run()
    assert now(opened).camera.gray
    Face.model_validate_json(now(opened).model_dump_json())


def test_animation_is_made_and_outdated_by_a_change(opened: AppTest):
    opened.button_group(key="studio_view").set_value("Animate").run()
    assert "then make the animation" in words(opened)
    opened.slider(key="gif seconds").set_value(0.2).run()
    press(opened, "Make the animation")
    assert not opened.exception
    file = Image.open(BytesIO(opened.session_state["studio animation"][1]))
    assert file.n_frames >= 4
    assert "then make the animation" not in words(opened)
    opened.selectbox(key="gif to").set_value("fear").run()
    assert "then make the animation" in words(opened)


def test_every_compound_can_be_a_preset():
    assert set(COMPOUND_EXPRESSIONS) <= set(DU.categories)


def test_a_model_that_cannot_be_used_leaves_the_face(opened: AppTest, monkeypatch: pytest.MonkeyPatch):
    from fbn.errors import MissingFileError

    def missing(**options: object) -> None:
        raise MissingFileError("no weights")

    monkeypatch.setattr("fbn.ui.shell.FaceAnalyser", missing)
    opened.session_state["studio model"] = "another"
    by_key(opened.slider, "studio AU09 None").set_value(0.5).run()
    assert unit(now(opened), 9) == (0.5, 0.5)
    assert "The model cannot be used: no weights" in words(opened)

"""What came out of a few-shot job: the answer, its figures, the pictures it gets wrong, and the model to try."""

from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from fbn.data.compound import LABELS
from fbn.data.compound_faces import Coverage
from fbn.errors import FbnError
from fbn.jobs import Job
from fbn.models import store
from fbn.resources import data_folder
from fbn.ui import charts, shell
from fbn.ui.compound import marks
from fbn.ui.compound import results as told
from fbn.ui.compound.label import look_at
from fbn.ui.compound.overview import show_coverage
from fbn.ui.compound.sets import Sets
from fbn.ui.compound.state import button, open_set, refuse
from fbn.ui.compound.thumbs import of_png
from fbn.ui.widgets import escape_markdown as plain

_DIAGONAL_HELP = (
    "The mean over classes of the share named rightly (recall), so that rare classes count as much as common ones; "
    "also called UAR. Intervals are 95 % bootstrap intervals over pictures."
)
_CURVE_HELP = (
    "How many labelled pictures a class it takes. Each point is the mean over several draws of pictures; 0 is "
    "zero-shot. The band is the 95 % interval over draws and measured pictures."
)
_MAP_HELP = "Left: the aligned face. Right: where the evidence for what was said lay; bright is much."
_TEMPERATURE_HELP = "What zero-shot scores are divided by before the softmax: the larger, the less certain."
_A_PAGE = 12


def result_view(job: Job, result: Mapping[str, Any]) -> None:
    """The answer first, then three ways to look closer."""
    st.html(marks.answer(told.answer(result)))
    st.markdown(told.sentence(result))
    _model(job, result)
    wrong = f"Wrong pictures · {result['wrong_total']:,}"
    figures, pictures, used = st.tabs(["Figures", wrong, "What it learned from"])
    with figures:
        _figures(job, result)
    with pictures:
        _wrong(job, result)
    with used:
        _used(result)


def _model(job: Job, result: Mapping[str, Any]) -> None:
    name = result["model"]
    if name is None:
        return
    if name not in store.names():
        st.caption(f"It was saved as {plain(name)}, which is not there any more.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/save: Saved as **{plain(name)}**", width="content")
        for label, icon, where in (
            ("Try it on Live", "videocam", "live"),
            ("Use it on Analyse", "image_search", "analyse"),
        ):
            if st.button(
                label, icon=f":material/{icon}:", key=f"compound {where} {job.id}", on_click=partial(_pick, name)
            ):
                st.switch_page(shell.page(where))
        st.code(f"fbn analyse PICTURES --model {name}", language=None)


def _pick(name: str) -> None:
    st.session_state["model"] = name


def _figures(job: Job, result: Mapping[str, Any]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Mean diagonal**", help=_DIAGONAL_HELP)
        said = (
            "Mean diagonal of few-shot, zero-shot and guessing, with 95 % intervals; the table below has the numbers."
        )
        st.plotly_chart(told.comparison(result), config=charts.CONFIG, key=f"compound means {job.id}", alt=said)
        st.html(marks.table(("with 95 % intervals", "Few-shot", "Zero-shot"), told.figures(result)))
        st.caption(told.how_measured(result))
        for note in result["notes"]:
            st.caption(note)
    with right:
        if (curve := told.learning_curve(result)) is not None:
            st.markdown("**Learning curve**", help=_CURVE_HELP)
            said = "Mean diagonal by pictures of each class, a line that few-shot training climbs."
            st.plotly_chart(curve, config=charts.CONFIG, key=f"compound curve {job.id}", alt=said)
    left, right = st.columns([11, 9], gap="large")
    with left:
        whose = st.segmented_control(
            "Confusion matrix of",
            ["Few-shot", "Zero-shot"],
            default="Few-shot",
            required=True,
            key=f"compound whose {job.id}",
        )
        table = result["zero_shot_confusion"] if whose == "Zero-shot" else result["confusion"]
        st.html(marks.matrix(table, result["classes"], f"Confusion matrix, {whose}"))
    with right:
        st.markdown("**Class by class**")
        said = "Share of each class that few-shot and zero-shot recognise; the confusion matrix has the numbers."
        st.plotly_chart(told.recalls(result), config=charts.CONFIG, key=f"compound recalls {job.id}", alt=said)


def _wrong(job: Job, result: Mapping[str, Any]) -> None:
    wrong = result["wrong"]
    if not wrong:
        st.caption("None of the measured pictures was named wrongly.")
        return
    shown = st.session_state.setdefault(f"compound shown {job.id}", _A_PAGE)
    st.markdown("**The most certain first**", help=_MAP_HELP)
    cards = [_card(job.folder, one) for one in wrong[:shown]]
    st.html(marks.mistakes(cards))
    _again(job, [one["path"] for one in wrong])
    if len(wrong) > shown:
        button("Show more", partial(_more, job), icon=":material/expand_more:", key=f"compound more of {job.id}")
    elif result["wrong_total"] > len(wrong):
        st.caption(f"And {result['wrong_total'] - len(wrong):,} more, whose pictures were not kept.")


def _again(job: Job, files: list[str]) -> None:
    """A way back to the label of a picture, where the pictures were labelled here."""
    folder = Path(job.parameters["data"])
    if not (folder / LABELS).is_file() or folder.parent != data_folder("compound"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.selectbox("Is a label wrong?", files, key=f"compound again {job.id}", width=300)
        button(
            "Look at it again", partial(_relabel, folder.name, file), icon=":material/new_label:", key=f"re {job.id}"
        )


def _relabel(name: str, file: str) -> None:
    try:
        look_at(Sets().open(name), file)
        open_set(name, "Label")
    except FbnError as error:
        refuse(str(error))


def _more(job: Job) -> None:
    st.session_state[f"compound shown {job.id}"] += _A_PAGE


def _card(folder: Path, one: Mapping[str, Any]) -> marks.Mistake:
    crop, map_ = (of_png(folder / one[key]) if one[key] else "" for key in ("crop", "activation"))
    return marks.Mistake(crop, map_, Path(one["path"]).name, one["true"], one["said"], one["probability"], one["own"])


def _used(result: Mapping[str, Any]) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Pictures learned from**")
        st.html(marks.counts(result["counts"]))
    with right:
        coverage = result["coverage"]
        show_coverage(Coverage(**{field.name: coverage[field.name] for field in fields(Coverage)}))
        base, seconds = plain(result["base"]), result["seconds"].get("total", 0)
        st.caption(f"Began from {base}; {seconds:.0f} s in all.")
        st.caption(f"Temperature {result['temperature']:.2f}", help=_TEMPERATURE_HELP)

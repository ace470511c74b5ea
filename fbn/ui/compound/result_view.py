"""The result of a few-shot job: headline, metrics, wrongly classified pictures, and the saved model."""

from dataclasses import fields
from functools import partial
from pathlib import Path

import streamlit as st

from fbn.data.compound import LABELS
from fbn.data.compound_faces import Coverage
from fbn.data.picture_sets import PictureSets
from fbn.data.thumbnails import png_url
from fbn.fewshot import report
from fbn.fewshot.request import Result, Wrong
from fbn.jobs import Job
from fbn.models import store
from fbn.resources import data_folder
from fbn.ui import shell
from fbn.ui.charts import CONFIG
from fbn.ui.compound import charts, html
from fbn.ui.compound.label import show_picture
from fbn.ui.compound.overview import show_coverage
from fbn.ui.compound.shared import open_set, page_button
from fbn.ui.widgets import choose_one, escape_markdown

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
_PAGE_SIZE = 12


def result_view(job: Job, result: Result) -> None:
    """Show the headline; then metrics, wrongly classified pictures and training pictures in tabs."""
    with st.container(horizontal=True, gap="large"):
        for name, value, interval in report.headline(result):
            st.metric(name, value, interval or None, delta_color="off", delta_arrow="off", width="content")
    st.markdown(report.conclusion(result))
    _model(job, result)
    wrong = f"Wrong pictures · {result['wrong_total']:,}"
    figures, pictures, used = st.tabs(["Figures", wrong, "What it learned from"])
    with figures:
        _metrics(job, result)
    with pictures:
        _wrong(job, result)
    with used:
        _used(result)


def _model(job: Job, result: Result) -> None:
    name = result["model"]
    if name is None:
        return
    if name not in store.names():
        st.caption(f"It was saved as {escape_markdown(name)}, which is not there any more.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/save: Saved as **{escape_markdown(name)}**", width="content")
        for label, icon, where in (
            ("Try it on Live", "videocam", "live"),
            ("Use it on Analyse", "image_search", "analyse"),
        ):
            pick = partial(st.session_state.__setitem__, "model", name)
            if st.button(label, icon=f":material/{icon}:", key=f"compound {where} {job.id}", on_click=pick):
                st.switch_page(shell.page(where))
        st.code(f"fbn analyse PICTURES --model {name}", language=None)


def _metrics(job: Job, result: Result) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Mean diagonal**", help=_DIAGONAL_HELP)
        alt = "Mean diagonal of few-shot, zero-shot and guessing, with 95 % intervals; the table below has the numbers."
        st.plotly_chart(charts.comparison(result), config=CONFIG, key=f"compound means {job.id}", alt=alt)
        st.table(report.figures_table(result), border="horizontal")
        st.caption(report.how_measured(result))
        for note in result["notes"]:
            st.caption(note)
    with right:
        if (curve := charts.learning_curve(result)) is not None:
            st.markdown("**Learning curve**", help=_CURVE_HELP)
            alt = "Mean diagonal by pictures of each class, a line that few-shot training climbs."
            st.plotly_chart(curve, config=CONFIG, key=f"compound curve {job.id}", alt=alt)
    left, right = st.columns([11, 9], gap="large")
    with left:
        side = choose_one("Confusion matrix of", ["Few-shot", "Zero-shot"], f"compound whose {job.id}")
        confusion = result["zero_shot_confusion"] if side == "Zero-shot" else result["confusion"]
        st.html(html.matrix(confusion, result["classes"], f"Confusion matrix, {side}"))
    with right:
        st.markdown("**Class by class**")
        alt = "Share of each class that few-shot and zero-shot recognise; the confusion matrix has the numbers."
        st.plotly_chart(charts.recalls(result), config=CONFIG, key=f"compound recalls {job.id}", alt=alt)


def _wrong(job: Job, result: Result) -> None:
    wrong = result["wrong"]
    if not wrong:
        st.caption("None of the measured pictures was named wrongly.")
        return
    shown = st.session_state.setdefault(f"compound shown {job.id}", _PAGE_SIZE)
    st.markdown("**The most certain first**", help=_MAP_HELP)
    st.html(html.mistakes([(each, *_images(job.folder, each)) for each in wrong[:shown]]))
    _relabel_one(job, [each["path"] for each in wrong])
    if len(wrong) > shown:
        more = partial(st.session_state.__setitem__, f"compound shown {job.id}", shown + _PAGE_SIZE)
        page_button("Show more", more, icon=":material/expand_more:", key=f"compound more of {job.id}")
    elif result["wrong_total"] > len(wrong):
        st.caption(f"And {result['wrong_total'] - len(wrong):,} more, whose pictures were not kept.")


def _relabel_one(job: Job, files: list[str]) -> None:
    """Draw a link to the label of a picture, if the pictures were labelled in the app."""
    folder = Path(job.parameters["data"])
    if not (folder / LABELS).is_file() or folder.parent != data_folder("compound"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        file = st.selectbox("Is a label wrong?", files, key=f"compound again {job.id}", width=300)
        open_it = partial(_open_picture, folder.name, file)
        page_button("Look at it again", open_it, icon=":material/new_label:", key=f"re {job.id}")


def _open_picture(name: str, file: str) -> None:
    show_picture(PictureSets().open(name), file)
    open_set(name, "Label")


def _images(folder: Path, wrong: Wrong) -> tuple[str, str]:
    """Return the URLs of the crop and of the activation map, "" if there is none."""
    crop, activation = (png_url(folder / file) if file else "" for file in (wrong["crop"], wrong["activation"]))
    return crop, activation


def _used(result: Result) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Pictures learned from**")
        st.html(html.counts(result["counts"]))
    with right:
        coverage = result["coverage"]
        show_coverage(Coverage(**{field.name: coverage[field.name] for field in fields(Coverage)}))
        base, seconds = escape_markdown(result["base"]), result["seconds"].get("total", 0)
        st.caption(f"Began from {base}; {seconds:.0f} s in all.")
        st.caption(f"Temperature {result['temperature']:.2f}", help=_TEMPERATURE_HELP)

"""``fbn analyse`` and ``fbn detector``."""

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fbn.errors import FbnError

if TYPE_CHECKING:
    from fbn.faces.frames import Frame


class Detector(StrEnum):
    """The detectors that have a name."""

    AUTO = "auto"
    FBN = "fbn"
    YUNET = "yunet"
    CASCADE = "cascade"


class _Format(StrEnum):
    FBN = "fbn"
    OPENFACE = "openface"
    FEX = "fex"


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(analyse)
    detector = typer.Typer(no_args_is_help=True)
    detector.callback()(_group)  # without it typer would fold a single sub-command away
    detector.command()(fetch)
    app.add_typer(detector, name="detector")


def _group() -> None:
    """The better face detector's file."""


def fetch() -> None:
    """Fetch YuNet's file once from OpenCV's model zoo."""
    from fbn.faces.detect import fetch_yunet

    typer.echo(fetch_yunet())


def analyse(
    inputs: Annotated[list[Path], typer.Argument(help="Pictures, videos, or folders of them.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table to write: .csv or .parquet.")],
    crops: Annotated[bool, typer.Option("--crops", help="Pictures are face crops already: one row each.")] = False,
    model: Annotated[str, typer.Option(help="Name or folder of a model; the default one if empty.")] = "",
    detector: Annotated[
        Detector, typer.Option(help="yunet is fetched once if its file is not here; auto fetches nothing.")
    ] = Detector.AUTO,
    smooth: Annotated[bool, typer.Option("--smooth", help="Append median-filtered columns, <name>_smooth.")] = False,
    window: Annotated[int, typer.Option(min=1, help="Frames of the median filter, odd.")] = 5,
    format: Annotated[_Format, typer.Option(help="Columns: fbn's own, OpenFace's, or py-feat's Fex.")] = _Format.FBN,
    every: Annotated[int, typer.Option(min=1, help="Of a video take each n-th frame.")] = 1,
    compounds: Annotated[
        str,
        typer.Option(
            help="Append compound expressions, scored zero-shot: rafdb, emotionet, du2014, or a relatedness table with "
            "compound rows. A model that has learnt some appends its own."
        ),
    ] = "",
) -> None:
    """Read the faces of pictures and videos into a table: one row for each face and frame.

    A frame without a face gives one row with empty face columns. A file that cannot be read is reported and skipped.
    In a folder files that hold a picture or a video are read, whatever their suffix; other files are named and counted.
    An animated GIF, WebP or PNG is read as a video.
    Exit status: 0 all inputs read, 1 some not, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP (rows written so
    far are kept). Where no frame can be read no table is written, and one that is there stays. While a run writes a
    table, another one with the same --output is refused.
    """
    if output.suffix.lower() not in (".csv", ".parquet"):
        raise typer.BadParameter(f"{output}: expected a name that ends in .csv or .parquet", param_hint="--output")
    if smooth and format != _Format.FBN:
        raise typer.BadParameter(f"the {format} layout has no smoothed columns", param_hint="--smooth")
    if window % 2 == 0:
        raise typer.BadParameter(f"{window} is even", param_hint="--window")
    if compounds and format != _Format.FBN:
        raise typer.BadParameter(f"the {format} layout has no columns for them", param_hint="--compounds")

    from fbn.compound import CompoundClasses
    from fbn.faces.detect import fetch_yunet
    from fbn.faces.files import printable
    from fbn.faces.frames import Inputs, find_inputs, frame_count, open_source
    from fbn.inference.analyser import FaceAnalyser
    from fbn.inference.export import TableWriter

    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    failed: list[FbnError] = []
    if detector == Detector.YUNET:
        fetch_yunet()
    analyser = FaceAnalyser(
        model or None,
        detector=detector,
        smooth="median" if smooth else None,
        window=window,
        compounds=CompoundClasses.named(compounds) if compounds else None,
    )
    classes = analyser.classes.classes if analyser.classes and format == _Format.FBN else ()
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors,
    )

    def report(error: FbnError) -> None:
        failed.append(error)
        errors.print(f"[yellow]skipped[/yellow] {escape(str(error))}")

    def note(words: str) -> None:
        errors.print(f"[yellow]note[/yellow] {escape(words)}")

    paths: dict[Path, None] = {}  # in order, each once
    left_out: dict[Path, None] = {}
    for path in inputs:
        try:
            found = find_inputs(path)
        except FbnError as error:
            report(error)
            continue
        paths.update(dict.fromkeys(found.files))
        left_out.update(dict.fromkeys(found.left_out))
        for unseen in found.errors:
            report(unseen)
    if left_out:
        note(Inputs((), tuple(left_out)).describe_left_out())

    def close(status: int) -> None:
        for failure in failed:
            errors.print(f"[red]failed[/red] {escape(str(failure))}")
        if status:
            raise typer.Exit(status)

    if not paths:
        close(1)
    # os.path answers no, where pathlib raises, to what lies behind a locked folder
    if os.path.exists(output) and any(os.path.exists(path) and os.path.samefile(path, output) for path in paths):
        raise typer.BadParameter(f"{output} is one of the inputs", param_hint="--output")

    def frames() -> Iterator["Frame"]:
        for path in paths:
            progress.update(task, description=escape(printable(path.name)[-30:]))
            yield from open_source(path, every, report, note)

    stopped = 0
    turned: dict[str, int] = {}
    with TableWriter(output, "fbn_smooth" if smooth else format, classes) as table, progress:
        task = progress.add_task("frames", total=sum(-(-frame_count(path) // every) for path in paths))
        try:
            for result in analyser.crop_stream(frames()) if crops else analyser.stream(frames()):
                table.write(result)
                turned.update((result.input, face.turned) for face in result.faces if face.turned)
                progress.advance(task)
        except KeyboardInterrupt:
            stopped = 130
        except SystemExit as signal:
            stopped = int(signal.code or 0)
        table.close(keep=table.frames > 0)
    for name, degrees in turned.items():
        note(f"{printable(name)}: turned by {degrees} degrees counterclockwise to read its faces upright")
    read = (
        f"{table.frames} frames of {len(paths)} inputs, {table.faces} faces, {table.empty_frames} frames without a face"
    )
    if not table.frames:
        read = "not written, no frame was read" + (", the table that was there stays" if output.exists() else "")
    rest = (f", {len(left_out)} files left out" if left_out else "") + (", stopped" if stopped else "")
    typer.echo(f"{printable(output)}: {read}, {len(failed)} inputs failed{rest}")
    close(stopped or int(bool(failed)))

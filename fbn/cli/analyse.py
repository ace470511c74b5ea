"""``fbn analyse`` and ``fbn detector``."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fbn.errors import FbnError

#: Names of the face detectors.
DetectorName = Literal["auto", "fbn", "yunet", "cascade"]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(analyse)
    detector = typer.Typer(no_args_is_help=True)
    detector.callback()(_group)  # without a callback typer would merge a single sub-command into its group
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
        DetectorName,
        typer.Option(
            help="auto: yunet where its file is, else fbn's own; yunet is fetched once if its file is not here."
        ),
    ] = "auto",
    smooth: Annotated[bool, typer.Option("--smooth", help="Append median-filtered columns, <name>_smooth.")] = False,
    window: Annotated[int, typer.Option(min=1, help="Frames of the median filter, odd.")] = 5,
    format: Annotated[
        Literal["fbn", "openface", "fex"], typer.Option(help="Columns: fbn's own, OpenFace's, or py-feat's Fex.")
    ] = "fbn",
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
    from fbn.faces.detect import fetch_yunet
    from fbn.faces.files import printable
    from fbn.inference.analyser import FaceAnalyser
    from fbn.inference.analysis import Analysis, ArgumentError, check_arguments

    errors = Console(stderr=True, highlight=False, soft_wrap=True)

    def report(error: FbnError) -> None:
        errors.print(f"[yellow]skipped[/yellow] {escape(str(error))}")

    def note(message: str) -> None:
        errors.print(f"[yellow]note[/yellow] {escape(message)}")

    status = 0
    try:
        check_arguments(output, format, smooth, window, compounds, every)
        if detector == "yunet":
            fetch_yunet()
        analyser = FaceAnalyser(
            model or None,
            detector=detector,
            smooth="median" if smooth else None,
            window=window,
            compounds=compounds or None,
        )
        run = Analysis(inputs, analyser, crops=crops, every=every, columns=format, on_error=report, notify=note)
        if run.files:
            with _progress_bar(errors) as progress:
                try:
                    run.write(output, progress)
                except KeyboardInterrupt:
                    status = 130
                except SystemExit as signal:
                    status = int(signal.code or 0)
    except ArgumentError as error:
        option = {"columns": "format"}.get(error.argument, error.argument)
        raise typer.BadParameter(error.reason, param_hint=f"--{option}") from None

    if run.files:
        read = (
            f"{run.frames} frames of {len(run.files)} inputs, {run.faces} faces, "
            f"{run.empty_frames} frames without a face"
        )
        if not run.frames:
            read = "not written, no frame was read" + (", the table that was there stays" if output.exists() else "")
        rest = (f", {len(run.left_out)} files left out" if run.left_out else "") + (", stopped" if status else "")
        typer.echo(f"{printable(output)}: {read}, {len(run.failed)} inputs failed{rest}")
    for failure in run.failed:
        errors.print(f"[red]failed[/red] {escape(str(failure))}")
    if status or run.failed:
        raise typer.Exit(status or 1)


@contextmanager
def _progress_bar(console: Console) -> Iterator[Callable[[int, int, str], None]]:
    """Yield a function of (frames read, total frames, file name) that shows a progress bar from its first call on."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    bar = Progress(TextColumn("{task.description}"), *columns, console=console)

    with ExitStack() as stack:

        def show(done: int, total: int, name: str) -> None:
            if not bar.tasks:
                stack.enter_context(bar)
                bar.add_task("frames", total=total)
            bar.update(bar.tasks[0].id, completed=done, description=escape(name[-30:] or "frames"))

        yield show

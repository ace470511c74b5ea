"""``fbn study``: the papers' case studies as experiments."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Amount(StrEnum):
    """Budgets of ``fbn study affect``."""

    SMOKE = "smoke"
    LESSON = "lesson"
    SMALL = "small"
    FULL = "full"


class Device(StrEnum):
    """Where to train."""

    AUTO = "auto"
    CPU = "cpu"


class Part(StrEnum):
    """What real sets are measured on."""

    TEST = "test"
    VALID = "valid"


class Interval(StrEnum):
    """Which of a difference's intervals a table gives."""

    SEEDS = "seeds"
    BOOTSTRAP = "bootstrap"


class Against(StrEnum):
    """What a table of differences holds rows against."""

    UNCOUPLED = "no-coupling"
    SINGLE = "single-task"
    MEANS = "means"


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True)
    group.callback()(_group)
    group.command()(affect)
    group.command()(table)
    app.add_typer(group, name="study")


def _group() -> None:
    """The papers' case studies, run here, with seeds and intervals."""


def affect(
    data: Annotated[Path | None, typer.Option(help="Folder with FER+, AffectNet and CK+; drawn faces without.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; the same command again goes on.")] = None,
    budget: Annotated[
        Amount,
        typer.Option(help="smoke: to see that all works; lesson: for a class; small: for figures; full: for a GPU."),
    ] = (Amount.SMALL),
    rows: Annotated[str, typer.Option(help="Names with commas between them; all if empty. --list names them.")] = "",
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Trainings of each row; the budget's if not given: fewer for architectures."),
    ] = None,
    first_seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    action_units: Annotated[int | None, typer.Option(min=4, help="Training pictures with AU labels.")] = None,
    steps: Annotated[
        int | None,
        typer.Option(min=1, help="Steps of each training; the budget's if not given: fewer for architectures."),
    ] = None,
    part: Annotated[Part, typer.Option(help="Part of real sets that is measured on.")] = Part.TEST,
    workers: Annotated[int, typer.Option(min=0, help="Processes at most; 0: one for each GPU, else each core.")] = 0,
    device: Annotated[Device, typer.Option(help="cpu: leave GPUs alone.")] = Device.AUTO,
    listed: Annotated[bool, typer.Option("--list", help="Name the rows and stop.")] = False,
) -> None:
    """Do the couplings pay? Single-task, uncoupled and coupled networks on the same pictures and seeds."""
    if listed:
        _list()
        return
    import os

    if device is Device.CPU:
        # before anything asks which there are
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    from fbn.training.allocator import with_allocator

    with_allocator()
    from rich.console import Console
    from rich.progress import Progress

    from fbn.context import Context, alone_in
    from fbn.errors import MissingFileError
    from fbn.jobs.kinds import parse
    from fbn.studies import engine as studying
    from fbn.studies.request import Study

    if data and not data.is_dir():
        raise MissingFileError(f"{data}: no such folder")
    asked = parse(
        "study",
        {
            "data": data and str(data),
            "budget": budget.value,
            "rows": _names(rows),
            "seeds": seeds,
            "first_seed": first_seed,
            "action_units": action_units,
            "steps": steps,
            "part": part.value,
        },
    )
    assert isinstance(asked, Study)
    folder = out or Path("runs") / f"affect-{'data' if data else 'synthetic'}-{budget}"
    with alone_in(folder), Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        context = Context(folder, lambda share, words: progress.update(task, completed=share, description=words))
        found = studying.study(asked, context) if workers == 1 else studying.study_apart(asked, context, workers)
    _print(found)
    typer.echo(f"written to {folder}")


def table(
    folders: Annotated[list[Path], typer.Argument(help="What fbn study wrote. Several: a line each.")],
    rows: Annotated[str, typer.Option(help="Names with commas between them; all that there are if empty.")] = "",
    figures: Annotated[
        str,
        typer.Option(
            help="As runs.csv names them (bp4d/f1), with commas; of several folders one, or what is read first."
        ),
    ] = "",
    against: Annotated[Against, typer.Option(help="What differences are against; means: none.")] = Against.UNCOUPLED,
    interval: Annotated[
        Interval,
        typer.Option(
            help="seeds: Student's over seeds; bootstrap: over seeds and held-out people "
            "(pictures, in studies of drawn faces from before 0.6)."
        ),
    ] = Interval.SEEDS,
    each: Annotated[bool, typer.Option("--each", help="AUs or expressions of one figure, one by one.")] = False,
) -> None:
    """A study's differences with their intervals, or its means, as a Markdown table."""
    from fbn.errors import FormatError
    from fbn.studies import markdown
    from fbn.studies.read import StudyResult

    side = {Against.UNCOUPLED: "uncoupled", Against.SINGLE: "single"}.get(against, markdown.MEANS)
    named, some, bootstrapped = _names(rows), _names(figures), interval is Interval.BOOTSTRAP
    if bootstrapped and side == markdown.MEANS:
        raise FormatError("--interval bootstrap: means have no interval; name what the differences are against")
    if each:
        if len(folders) > 1 or len(some) != 1:
            raise FormatError("--each: expected one study, and one of its --figures, such as bp4d/f1")
        if bootstrapped:
            raise FormatError("--each: AUs and expressions have no bootstrap interval")
        typer.echo(markdown.by_name(StudyResult.read(folders[0]), side, named, some[0]))
        return
    if len(folders) == 1:
        typer.echo(markdown.by_figure(StudyResult.read(folders[0]), side, named, some, bootstrapped))
        return
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = list(map(str, folders))
    studies = {name: StudyResult.read(folder) for name, folder in zip(names, folders, strict=True)}
    if len(some) > 1:
        raise FormatError("--figures: one at most where several studies are named")
    typer.echo(markdown.by_study(studies, side, named, "".join(some), bootstrapped))


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from fbn.studies.rows import ROWS

    listed = Table("row", "group", "what it is", box=None)
    for row in ROWS.values():
        listed.add_row(row.name, row.group, row.words)
    Console(highlight=False).print(listed)


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    head = ("set, figure", "row", "mean", "sd", "chance", "against no coupling", "against single-task")
    figures = Table(*head, box=None)
    last = ""
    for each in sorted(found["figures"], key=lambda each: (each["set"], each["figure"], each["filtered"])):
        title = f"{each['set']} {each['figure']}{' filtered' if each['filtered'] else ''}"
        sd = "" if each["sd"] is None else f"{each['sd']:.3f}"
        cells = (each["row"], f"{each['mean']:.3f}", sd, f"{each['chance']:.3f}")
        figures.add_row(title if title != last else "", *cells, _told(each["uncoupled"]), _told(each["single"]))
        last = title
    Console(highlight=False).print(figures)


def _told(difference: dict[str, Any] | None) -> str:
    if difference is None:
        return ""
    interval = "" if difference["low"] is None else f" ({difference['low']:+.3f} to {difference['high']:+.3f})"
    return f"{difference['difference']:+.3f}{interval}"

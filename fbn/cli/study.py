"""``fbn study``: the papers' case studies as experiments with common options."""

import inspect
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from fbn.context import Context

if TYPE_CHECKING:
    from rich.table import Table

    from fbn.studies.study import Study


#: Options that all studies have: name -> annotation, default.
_OPTIONS: dict[str, tuple[Any, Any]] = {
    "data": (Annotated[Path | None, typer.Option(help="Folder of data sets; drawn faces without.")], None),
    "out": (Annotated[Path | None, typer.Option(help="Folder to write to; the same command again resumes.")], None),
    "budget": (Annotated[str, typer.Option(help="How much of everything; --list names them.")], "small"),
    "arms": (
        Annotated[
            str,
            typer.Option("--arms", "--rows", help="Names with commas between them; all if empty. --list names them."),
        ],
        "",
    ),
    "seeds": (
        Annotated[
            int | None,
            typer.Option(min=1, help="Trainings of each arm; the budget's if not given: fewer for slow arms."),
        ],
        None,
    ),
    "first_seed": (Annotated[int, typer.Option(min=0, help="The first seed.")], 0),
    "steps": (
        Annotated[
            int | None,
            typer.Option(min=1, help="Steps of each training; the budget's if not given: fewer for slow arms."),
        ],
        None,
    ),
    "part": (
        Annotated[Literal["test", "valid"] | None, typer.Option(help="Part of data sets that is measured on.")],
        None,
    ),
    "workers": (
        Annotated[int, typer.Option(min=0, help="Processes at most; 0: one for each GPU, else each core.")],
        0,
    ),
    "device": (Annotated[Literal["auto", "cpu"], typer.Option(help="cpu: leave GPUs alone.")], "auto"),
    "listed": (Annotated[bool, typer.Option("--list", help="Name the arms and budgets, and stop.")], False),
}


class Studies(TyperGroup):
    """The registered studies as commands, loaded on first use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the studies, then of the other commands."""
        from fbn.studies.registry import STUDIES

        return [*STUDIES, *super().list_commands(ctx)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a study, built from its request model, or another command."""
        from fbn.studies.registry import STUDIES, study_of

        return _command(study_of(cmd_name)) if cmd_name in STUDIES else super().get_command(ctx, cmd_name)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(no_args_is_help=True, cls=Studies)
    group.callback()(_group)
    group.command()(table)
    app.add_typer(group, name="study")


def _group() -> None:
    """The papers' case studies, run here, with seeds and intervals."""


@contextmanager
def locked_with_progress(folder: Path) -> Iterator[Context]:
    """Lock an output folder and show a progress bar during the block."""
    from rich.console import Console
    from rich.progress import Progress

    from fbn.context import alone_in

    with alone_in(folder), Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("starting", total=1.0)
        yield Context(folder, lambda fraction, message: progress.update(task, completed=fraction, description=message))


def _command(study: "Study") -> Any:
    """Build ``fbn study NAME``: the common options, and one for each further request field with a description."""
    from fbn.studies.study import Request

    options = dict(_OPTIONS)
    for name, field in study.request.model_fields.items():
        if name not in Request.model_fields and field.description:
            kind = int if "int" in str(field.annotation) else str
            options[name] = (Annotated[kind | None, typer.Option(help=field.description)], None)

    def command(**arguments: Any) -> None:
        _run(study, arguments)

    keyword_only = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, keyword_only, default=default, annotation=annotation)
        for name, (annotation, default) in options.items()
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = study.title
    app = typer.Typer(add_completion=False)
    app.command(study.name)(command)
    return typer.main.get_command(app)


def _run(study: "Study", arguments: dict[str, Any]) -> None:
    out, workers, device, listed = (arguments.pop(name) for name in ("out", "workers", "device", "listed"))
    if listed:
        _list(study)
        return
    if device == "cpu":
        # set before torch is imported
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    from fbn.training.allocator import with_allocator

    with_allocator()
    from fbn.errors import MissingFileError
    from fbn.studies import engine
    from fbn.studies.folder import SUMMARY

    if arguments["data"] and not arguments["data"].is_dir():
        raise MissingFileError(f"{arguments['data']}: no such folder")
    values = {name: value for name, value in arguments.items() if value is not None}
    request = study.parse(values | {"arms": _names(arguments["arms"])})
    folder = out or Path("runs") / f"{study.name}-{'data' if request.data else 'synthetic'}-{request.budget}"
    with locked_with_progress(folder) as context:
        engine.run(study, request, context, workers)
    _print(json.loads((folder / SUMMARY).read_bytes())["figures"])
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
    against: Annotated[
        Literal["no-coupling", "single-task", "means"],
        typer.Option(help="What differences are against; means: none."),
    ] = "no-coupling",
    interval: Annotated[
        Literal["seeds", "bootstrap"],
        typer.Option(
            help="seeds: Student's over seeds; bootstrap: over seeds and held-out people "
            "(pictures, in studies of drawn faces from before 0.6)."
        ),
    ] = "seeds",
    each: Annotated[bool, typer.Option("--each", help="AUs or expressions of one figure, one by one.")] = False,
) -> None:
    """A study's differences with their intervals, or its means, as a Markdown table."""
    from fbn.errors import FormatError
    from fbn.studies import markdown
    from fbn.studies.read import StudyResult

    baseline = {"no-coupling": "uncoupled", "single-task": "single"}.get(against, markdown.MEANS)
    arms, metrics, bootstrapped = _names(rows), _names(figures), interval == "bootstrap"
    if bootstrapped and baseline == markdown.MEANS:
        raise FormatError("--interval bootstrap: means have no interval; name what the differences are against")
    if each:
        if len(folders) > 1 or len(metrics) != 1:
            raise FormatError("--each: expected one study, and one of its --figures, such as bp4d/f1")
        if bootstrapped:
            raise FormatError("--each: AUs and expressions have no bootstrap interval")
        typer.echo(markdown.by_name(StudyResult.read(folders[0]), baseline, arms, metrics[0]))
        return
    if len(folders) == 1:
        typer.echo(markdown.by_figure(StudyResult.read(folders[0]), baseline, arms, metrics, bootstrapped))
        return
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = list(map(str, folders))
    studies = {name: StudyResult.read(folder) for name, folder in zip(names, folders, strict=True)}
    if len(metrics) > 1:
        raise FormatError("--figures: one at most where several studies are named")
    typer.echo(markdown.by_study(studies, baseline, arms, "".join(metrics), bootstrapped))


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _list(study: "Study") -> None:
    from rich.console import Console
    from rich.table import Table

    listed = Table("arm", "group", "what it is", box=None)
    for arm in study.arms.values():
        listed.add_row(arm.name, arm.group, arm.description)
    budgets = Table("budget", "seeds", "steps", box=None)
    for name, budget in study.budgets.items():
        budgets.add_row(name, str(budget.seeds), str(budget.steps))
    for each in (listed, budgets):
        Console(highlight=False).print(each)


def _print(figures: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    head = ("set, figure", "arm", "mean", "sd", "chance", "against its baseline", "against its reference")
    # most studies have no second comparison
    has_reference = any(each["single"] for each in figures)
    table = Table(*(head if has_reference else head[:-1]), box=None)
    last = ""
    for each in sorted(figures, key=lambda each: (each["set"], each["figure"], each["filtered"])):
        title = f"{each['set']} {each['figure']}{' filtered' if each['filtered'] else ''}"
        numbers = ("" if each[name] is None else f"{each[name]:.3f}" for name in ("mean", "sd", "chance"))
        cells = [each["row"], *numbers, _difference(each["uncoupled"])]
        reference = [_difference(each["single"])] if has_reference else []
        table.add_row(title if title != last else "", *cells, *reference)
        last = title
    Console(highlight=False).print(table)


def _difference(difference: dict[str, Any] | None) -> str:
    if difference is None:
        return ""
    interval = "" if difference["low"] is None else f" ({difference['low']:+.3f} to {difference['high']:+.3f})"
    return f"{difference['difference']:+.3f}{interval}"


def differences(rows: list[dict[str, Any]], arms: dict[str, str]) -> "Table":
    """Return a table of the figures of two arms and their differences.

    Args:
        rows: of a study of two arms; rows with ``changed`` are printed bold.
        arms: key of each arm in a row -> its title.
    """
    from rich.table import Table

    table = Table("figure", *arms.values(), "difference", "sd", "95 %", "chance", box=None)
    for row in rows:
        values = [f"{row[arm]:.3f}" for arm in arms] + [f"{row['difference']:+.3f}"]
        spread = "" if row["sd"] is None else f"{row['sd']:.3f}"
        interval = "" if row["low"] is None else f"{row['low']:+.3f} to {row['high']:+.3f}"
        lowest = "" if row["chance"] is None else f"{row['chance']:.3f}"
        style = "bold" if row.get("changed") else None
        table.add_row(row["figure"], *values, spread, interval, lowest, style=style)
    return table

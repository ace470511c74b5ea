"""``fbn relate``: relatedness tables on the command line. A TABLE is a built-in or saved name, or a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from fbn.relatedness import RelatednessTable
    from fbn.relatedness.evidence import Evidence, Finding

relate = typer.Typer(
    help="Tables of which expression shows which action unit. TABLE: du2014, affwild2, rafce, a saved name, "
    "name@number, or a .json or .csv file.",
    no_args_is_help=True,
)
_TABLE = "a built-in table's name, a saved one's, or a file"
_Chosen = Annotated[str, typer.Argument(metavar="TABLE", help="Name or file of a table.", show_default=False)]
_Output = Annotated[Path, typer.Option("--output", "-o", help="Table to write: .json or .csv.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(relate, name="relate")


@relate.command()
def show(table: _Chosen) -> None:
    """Print a table: prototypical AUs, observational ones with their weights, notes."""
    from rich.console import Console

    from fbn.relatedness import resolve

    Console(highlight=False).print(_rows(resolve(table), table))


@relate.command()
def infer(
    data: Annotated[Path, typer.Argument(help="A data set's folder or zip, or a folder of several.")],
    output: _Output,
    model: Annotated[str, typer.Option(help="Let this model read the AUs, of pictures that are face crops.")] = "",
    min_support: Annotated[float, typer.Option(min=0, help="Leave cells with fewer people or images empty.")] = 10,
    against: Annotated[str, typer.Option(help="Name the cells in which this table is contradicted.")] = "",
    images: Annotated[
        bool, typer.Option("--images", help="Count every image, as the papers do, not each person once per cell.")
    ] = False,
    rows: Annotated[
        Literal["expression", "identity"], typer.Option(help="identity: the people's attributes, of CelebA's layout.")
    ] = "expression",
) -> None:
    """Infer a table from pictures labelled with expressions and AUs, or with expressions alone by a model.

    With --rows identity: which attribute each person has, in what fraction of their pictures.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress

    from fbn.relatedness import resolve
    from fbn.relatedness.evidence import compare
    from fbn.relatedness.formats import writer
    from fbn.resources import check_replaceable
    from fbn.training import inferring

    writer(output)
    check_replaceable(output)
    if rows == "identity":
        _infer_people(data, output, min_support, bool(model or against or images))
        return
    other = resolve(against) if against else None
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    with Progress(console=errors, transient=True) as progress:
        task = progress.add_task("reading action units", total=1, visible=bool(model))
        inferred = inferring.infer(
            data, model or None, min_support, not images, lambda fraction: progress.update(task, completed=fraction)
        )
    evidence = inferred.evidence
    evidence.table().write(output)
    console.print(_rates(evidence))
    console.print(_prevalence(evidence))
    if other is not None:
        console.print(_contradicted(compare(evidence, other), against))
    sets = ", ".join(f"{name} {count}" for name, count in inferred.sets.items())
    console.print(f"{escape(str(output))}: {evidence.doubly_labelled} images with both labels ({sets})", soft_wrap=True)


def _infer_people(data: Path, output: Path, min_support: float, others: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from fbn.errors import FormatError
    from fbn.relatedness.people import information, weights
    from fbn.training.inferring import infer_people

    if others:
        raise FormatError("--model, --against, --images: not with --rows identity")
    table = infer_people(data, min_support)
    table.write(output)
    frame = weights(table)
    sheet = Table("attribute", "bits about who it is", "mean")
    for name, bits in information(frame).mean().sort_values(ascending=False, kind="stable").head(10).items():
        sheet.add_row(escape(str(name)), f"{bits:.2f}", f"{frame[name].mean():.2f}")
    console = Console(highlight=False)
    console.print(sheet)
    console.print(f"{escape(str(output))}: {len(frame):,} people; {table.provenance.note}", soft_wrap=True)


@relate.command()
def diff(before: _Chosen, after: _Chosen) -> None:
    """Print the cells that differ between two tables: added, removed, changed."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from fbn.relatedness import resolve
    from fbn.vocabulary import ACTION_UNIT_BY_NUMBER

    changes = resolve(before).diff(resolve(after))
    console = Console(highlight=False)
    if not changes:
        console.print("the same cells")
        return
    sheet = Table("row", "column", escape(before), escape(after), "")
    for change in changes:
        kind = "added" if change.before is None else "removed" if change.after is None else "changed"
        unit = ACTION_UNIT_BY_NUMBER.get(change.action_unit)
        column = f"{unit.short} {unit.name.lower()}" if unit else escape(str(change.action_unit))
        pair = ("" if w is None else f"{w:g}" for w in (change.before, change.after))
        sheet.add_row(escape(change.category), column, *pair, kind)
    console.print(sheet)


@relate.command()
def convert(table: _Chosen, output: _Output) -> None:
    """Write a table as JSON, or as CSV for a spreadsheet."""
    from fbn.relatedness import resolve

    resolve(table).write(output)
    typer.echo(str(output))


@relate.command()
def compare(
    base: Annotated[str, typer.Argument(help=f"One table: {_TABLE}.", show_default=False)],
    edited: Annotated[str, typer.Argument(help=f"The other: {_TABLE}.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; an interrupted one resumes.")],
    truth: Annotated[str, typer.Option(help=f"What the faces are drawn by, EDITED if empty: {_TABLE}.")] = "",
    data: Annotated[Path | None, typer.Option(help="Data sets to train on instead of drawn faces.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Pairs of trainings.")] = 5,
    pictures: Annotated[int, typer.Option(min=60, help="Faces drawn to train on, for each seed.")] = 3000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training.")] = 400,
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a YAML file.")] = "coupled",
) -> None:
    """Train twice on each seed, with BASE and with EDITED, and print the differences with their intervals."""
    from fbn.training.allocator import with_allocator

    with_allocator()
    from fbn.cli.study import locked_with_progress
    from fbn.errors import FormatError, MissingFileError
    from fbn.studies import tables
    from fbn.studies.tables_request import TablesRequest

    if data and not data.is_dir():
        raise MissingFileError(f"{data}: no such folder")
    if data and truth:
        raise FormatError("--truth: real faces were not made by a table; leave it out, or leave out --data")
    request = tables.STUDY.parse(
        {
            "base": base,
            "edited": edited,
            "truth": truth or None,
            "data": data,
            "recipe": recipe,
            "budget": {"seeds": seeds, "pictures": pictures, "steps": steps},
        },
    )
    assert isinstance(request, TablesRequest)
    with locked_with_progress(output) as context:
        result = tables.compare(request, context)
    _print_comparison(tables.rows(result), request.names, result)


def _rows(table: "RelatednessTable", title: str) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    p = table.provenance
    origin = "; ".join(part for part in (p.source, p.parent and f"from {p.parent}", p.note) if part)
    sheet = Table("category", "prototypical AU", "observational AU", title=escape(title), caption=escape(origin))
    for category in table.categories:
        observational = " ".join(f"{au} ({weight:g})" for au, weight in table.observational(category).items())
        sheet.add_row(category, " ".join(map(str, table.prototypical(category))), observational)
    for (category, au), note in table.notes:
        parts = [part for part in (note.who, note.why, note.source) if part]
        sheet.caption = f"{sheet.caption}\n{category} AU{au}: {escape('; '.join(parts))}"
    return sheet


def _rates(evidence: "Evidence") -> "Table":
    from rich.table import Table

    from fbn.relatedness import MIN_WEIGHT
    from fbn.vocabulary import Expression

    title = f"weights of {MIN_WEIGHT:g} and more"
    about = f"intervals hold for all cells together; counted: {evidence.counted}"
    interval = f"{evidence.level:.0%} interval"
    sheet = Table("category", "AU", "weight", interval, "active", "of", title=title, caption=about)
    for cell in evidence.cells:
        if evidence.supported(cell) and cell.weight >= MIN_WEIGHT and cell.category != Expression.NEUTRAL:
            limits = f"{cell.low:.2f} to {cell.high:.2f}"
            counts = (f"{cell.active:.4g}", f"{cell.images:.4g}")
            sheet.add_row(cell.category, f"AU{cell.au}", f"{cell.weight:.2f}", limits, *counts)
    return sheet


def _prevalence(evidence: "Evidence") -> "Table":
    from rich.table import Table

    from fbn.vocabulary import ACTION_UNIT_BY_NUMBER

    sheet = Table("", "share", "images", title="prevalence")
    total = sum(evidence.expressions.values())
    for name, count in evidence.expressions.items():
        sheet.add_row(name, f"{count / total:.2f}", f"{count:.0f}")
    sheet.add_section()
    for au, (annotated, active) in evidence.units.items():
        if annotated:
            unit = ACTION_UNIT_BY_NUMBER[au]
            name = f"{unit.short} {unit.name.lower()}"
            sheet.add_row(name, f"{active / annotated:.2f}", f"{active:.0f} of {annotated:.0f}")
    return sheet


def _contradicted(findings: "tuple[Finding, ...]", name: str) -> "Table | str":
    from rich.markup import escape
    from rich.table import Table

    from fbn.relatedness.evidence import CellVerdict

    tested = sum(finding.verdict != CellVerdict.TOO_FEW for finding in findings)
    contradicted = [finding for finding in findings if finding.contradicted]
    about = f"{len(contradicted)} of {tested} tested cells at a family-wise 95 %; {len(findings) - tested} with too few"
    if not contradicted:
        return f"{escape(name)} is contradicted nowhere: {about}"
    title = f"{escape(name)} is contradicted in"
    sheet = Table("category", "AU", "table", "seen", "interval", "", title=title, caption=about)
    for f in contradicted:
        interval = f"{f.low:.2f} to {f.high:.2f}"
        sheet.add_row(f.category, f"AU{f.au}", f"{f.weight_in_table:g}", f"{f.observed:.2f}", interval, f.verdict.value)
    return sheet


def _print_comparison(rows: list[dict[str, Any]], names: tuple[str, str], result: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.markup import escape

    from fbn.cli.study import differences

    console = Console(highlight=False)
    console.print(differences(rows, dict(zip(("base", "edited"), map(escape, names), strict=True))))
    for name, cell in result["cells"].items():
        rates = (f"{cell[arm]:.0%} with {escape(table)}" for arm, table in zip(("base", "edited"), names, strict=True))
        rate = f"active in {cell['true']:.0%} of the pictures, predicted in {', '.join(rates)}"
        console.print(f"{name}: {rate}", soft_wrap=True)

"""``fbn bench``: speed and memory on this machine, and transfer from synthetic to real faces."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from fbn.cli.analyse import DetectorName
from fbn.errors import FormatError, MissingFileError
from fbn.training.allocator import with_allocator

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Model = Annotated[str, typer.Option(help="Name or folder of a model; the default one if empty.")]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    bench = typer.Typer(no_args_is_help=True)
    bench.callback()(_group)
    for command in (
        frame,
        throughput,
        reading,
        memory,
        live,
        pages,
        people,
        drawing,
        detectors,
        synthetic,
        coupling,
        precision,
        compound,
    ):
        bench.command()(command)
    app.add_typer(bench, name="bench")


def _group() -> None:
    """Measure speed, memory, and what synthetic faces teach."""


def frame(
    model: _Model = "",
    detector: Annotated[DetectorName, typer.Option(help="Which finds the faces.")] = "auto",
    count: Annotated[int, typer.Option(min=10, help="Frames to measure.")] = 300,
    as_json: _Json = False,
) -> None:
    """Milliseconds a frame: one face, followed, 640x480, one thread, without the browser."""
    from fbn.bench.frames import frame_times

    _print(frame_times(model or None, detector, count), as_json)


def throughput(model: _Model = "", as_json: _Json = False) -> None:
    """Faces a second in batches of 64, against the bare onnxruntime session."""
    from fbn.bench.frames import throughput as measure

    _print(measure(model or None), as_json)


def reading(
    video: Annotated[Path | None, typer.Option(help="A video file; twenty seconds of a moving face if empty.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Take each n-th frame.")] = 1,
    as_json: _Json = False,
) -> None:
    """Processor time of reading a video, against OpenCV's reader in the same run."""
    from fbn.bench.frames import reading as measure

    _print(measure(video, every), as_json)


def memory(model: _Model = "", as_json: _Json = False) -> None:
    """Peak memory of fbn analyse on a 60 s and on a 600 s video, 320x240, 5 frames a second."""
    from fbn.bench.frames import memory as measure

    _print(measure(model or None), as_json)


def live(
    seconds: Annotated[float, typer.Option(min=1, help="Length of each measurement.")] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements of each page.")] = 3,
    as_json: _Json = False,
) -> None:
    """Frames a second and latency of the live page in Chromium, against an identity callback."""
    from fbn.bench.live import measure

    _print(measure(seconds, rounds), as_json)


def pages(
    count: Annotated[int, typer.Option(min=2, help="Repetitions of each interaction.")] = 20,
    as_json: _Json = False,
) -> None:
    """Milliseconds until the Face studio and the Relatedness page answer, for each interaction, in Chromium."""
    from fbn.bench.pages import measure

    _print(measure(count), as_json)


def people(
    count: Annotated[int, typer.Option(min=2, help="People.")] = 10_177,
    pictures: Annotated[int, typer.Option(min=2, help="Pictures.")] = 202_599,
    as_json: _Json = False,
) -> None:
    """Seconds to count, edit, save, read and search a table of people and 40 attributes."""
    from fbn.bench.people import people as measure

    _print(measure(count, pictures), as_json)


def drawing(
    count: Annotated[int, typer.Option(min=20, help="Faces to draw.")] = 300,
    as_json: _Json = False,
) -> None:
    """Synthetic faces a second on one core."""
    from fbn.bench.frames import drawing as measure

    _print(measure(count), as_json)


def detectors(
    data: Annotated[Path, typer.Option(help="Folder of the data sets; expw, celeba, affectnet.")],
    yunet: Annotated[Path | None, typer.Option(help="YuNet's file; the one fbn detector fetch got if empty.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Of our network; the shipped one if empty.")] = None,
    part: Annotated[
        Literal["train", "valid", "test"], typer.Option(help="Of ExpW's pictures; reported results are those on test.")
    ] = "valid",
    side: Annotated[int, typer.Option(min=64, help="Long side that pictures are resized to.")] = 640,
    most: Annotated[int, typer.Option(min=1, help="Pictures of ExpW.")] = 100_000,
    as_json: _Json = False,
) -> None:
    """Faces found, false ones and milliseconds of the cascade, YuNet and our own detector, in one run."""
    from fbn.bench.detectors import detectors as measure
    from fbn.faces.detect import YUNET_FILE, yunet_file

    if (file := yunet or yunet_file()) is None:
        raise MissingFileError(f"{YUNET_FILE} is not here: give --yunet, or `fbn detector fetch`")
    figures = measure(data, file, folder, part, side, most)
    if as_json:
        typer.echo(json.dumps(figures, indent=1))
        return
    for name, values in figures.items():
        Console(highlight=False).print(f"{name}:", markup=False)
        _print(values, False)


def coupling(
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a YAML file.")] = "base",
    steps: Annotated[int, typer.Option(min=2, help="Steps with the coupling losses, and as many without.")] = 50,
    eager: Annotated[bool, typer.Option("--eager", help="Without torch.compile, whatever the recipe says.")] = False,
    as_json: _Json = False,
) -> None:
    """Share of a training step that the coupling losses cost: steps with them and without, in turn, in one run."""
    with_allocator()
    from fbn.bench.step import coupling as measure

    _print(measure(recipe, steps, False if eager else None), as_json)


def precision(
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a YAML file.")] = "base",
    steps: Annotated[int, typer.Option(min=2, help="Steps in each precision.")] = 20,
    as_json: _Json = False,
) -> None:
    """Milliseconds of a training step in bfloat16 and in whole precision, in turn, and which is chosen here."""
    with_allocator()
    from fbn.bench.step import precision as measure

    _print(measure(recipe, steps), as_json)


def synthetic(
    data: Annotated[Path, typer.Option(help="Folder of the data sets; ckplus, and ict_facekit for ict.")],
    out: Annotated[Path, typer.Option(help="Run folder; gets report.json.")] = Path("runs/synthetic"),
    pictures: Annotated[int, typer.Option(min=50, help="Faces to draw and train on.")] = 12_000,
    steps: Annotated[int, typer.Option(min=1, help="Training steps.")] = 3000,
    seed: Annotated[int, typer.Option(min=0, help="Of the faces and the training.")] = 0,
    source: Annotated[
        Literal["synthetic", "ict", "both"], typer.Option(help="fbn's own face, renders of ICT-FaceKit, or both.")
    ] = "synthetic",
    threads: Annotated[int, typer.Option(min=0, help="Cores; 0: all.")] = 0,
    as_json: _Json = False,
) -> None:
    """Train a small network on drawn faces alone and read all of real CK+ with it."""
    with_allocator()
    from fbn.cli.study import locked_with_progress
    from fbn.studies import engine
    from fbn.studies.transfer import REPORT, STUDY

    arms = ("synthetic", "ict") if source == "both" else (source,)
    request = STUDY.parse({"data": data, "arms": arms, "pictures": pictures, "steps": steps, "first_seed": seed})
    with locked_with_progress(out) as context:
        report = engine.run(STUDY, request, context, threads=threads or None)
    if as_json:
        typer.echo((out / REPORT).read_text("utf-8"), nl=False)
        return
    console = Console(highlight=False)
    for table in _transfer_tables(report):
        console.print(table)
    console.print(f"written to {out / REPORT}", markup=False, soft_wrap=True)


def compound(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; an interrupted one goes on.")],
    data: Annotated[Path | None, typer.Option(help="Folder with FER+, for the proxy on real faces.")] = None,
    model: Annotated[str, typer.Option(help="Name or folder of the model that reads FER+.")] = "fbn",
    seeds: Annotated[int, typer.Option(min=0, help="Pairs of trainings on drawn faces; 0: FER+ alone.")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="Number of the first seed.")] = 0,
    pictures: Annotated[int, typer.Option(min=60, help="Drawn faces with a basic label, for each seed.")] = 3000,
    steps: Annotated[int, typer.Option(min=1, help="Steps of each training.")] = 800,
    draws: Annotated[int, typer.Option(min=1, help="Draws of the few pictures to learn from.")] = 5,
    recipe: Annotated[str, typer.Option(help="Name of a shipped recipe, or a YAML file.")] = "coupled",
) -> None:
    """Train with couplings and without on basic labels; name compound expressions, zero-shot and with few pictures."""
    with_allocator()
    from fbn.cli.study import differences, locked_with_progress
    from fbn.context import write_json
    from fbn.studies import compound_ferplus, engine
    from fbn.studies.compound import PAIRS, STUDY, rows

    if data and not data.is_dir():
        raise MissingFileError(f"{data}: no such folder")
    if not (seeds or data):
        raise FormatError("--seeds 0: expected --data too, or nothing is measured")
    values = {"first_seed": first_seed, "pictures": pictures, "steps": steps, "draws": draws, "recipe": recipe}
    request = STUDY.parse(values | {"seeds": seeds}) if seeds else None
    console = Console(highlight=False)
    with locked_with_progress(output) as context:
        if request:
            result = engine.run(STUDY, request, context)
        if data:
            on_pairs = compound_ferplus.proxy(data, model, draws, context=context)
            write_json(output / PAIRS, on_pairs)
    if request:
        console.print(differences(rows(result), {"uncoupled": "uncoupled", "coupled": "coupled"}))
        for arm, values in result["claims"].items():
            text = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in values.items())
            console.print(f"{arm}: {text}", soft_wrap=True)
    if data:
        _print_pairs(console, on_pairs)


def _transfer_tables(report: dict[str, Any]) -> list[Table]:
    """Return a table of the metrics and one of the AUs."""
    sources, read = report["sources"], report["data"]
    title = f"Trained on drawn faces alone; {read['pictures']} pictures of {read['subjects']} subjects of CK+"
    figures = Table("", *sources, "chance", title=title)
    for name, label in (("auc", "AUs, mean ROC area"), ("mean_diagonal", "expressions, mean diagonal")):
        cells = [about["figures"][name] for about in sources.values()]
        row = (f"{cell['value']:.3f} ({cell['low']:.3f} to {cell['high']:.3f})" for cell in cells)
        figures.add_row(label, *row, f"{report['chance'][name]:.3f}")
    for name, label in (("auc", "drawn faces, AUs, ROC area"), ("mean_diagonal", "drawn faces, mean diagonal")):
        figures.add_row(label, *(f"{about['drawn'][name]:.3f}" for about in sources.values()))
    figures.add_row("drawn faces, linear probe", *(f"{about['probe']:.3f}" for about in sources.values()), "0.500")
    units = Table("AU", "sequences", title="ROC area of each AU: on CK+, on drawn faces, of the linear probe there")
    for source in sources:
        units.add_column(f"{source}: CK+", justify="right")
        units.add_column("drawn", justify="right")
        units.add_column("probe", justify="right")
    for unit, first in next(iter(sources.values()))["units"].items():
        cells = [about["units"][unit] for about in sources.values()]
        areas = (f"{cell[key]:.3f}" if key in cell else "" for cell in cells for key in ("ckplus", "drawn", "probe"))
        units.add_row(unit, str(first.get("positives", "")), *areas)
    return [figures, units]


def _print_pairs(console: Console, result: dict[str, Any]) -> None:
    count = sum(each["test"] for each in result["classes"].values())
    console.print(f"FER+ pairs, a proxy: {count} pictures of FER2013Valid in {len(result['classes'])} classes")
    table = Table("shots", "top-1", "95 %", "mean diagonal", "95 %", box=None)
    table.add_row("chance", f"{result['chance']['top1']:.3f}", "", f"{result['chance']['mean_diagonal']:.3f}", "")
    table.add_row("zero-shot", *_cells(result["zero_shot"]["figures"]))
    for head, by_layer in result["few_shot"].items():
        for layer, points in by_layer.items():
            table.add_section()
            table.add_row(f"[bold]{head}, {layer}")
            for shots, figures in points.items():
                table.add_row(shots, *_cells(figures))
    console.print(table)


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    both = (figures["top1"], figures["mean_diagonal"])
    return tuple(text for each in both for text in (f"{each['value']:.3f}", f"{each['low']:.3f} to {each['high']:.3f}"))


def _print(figures: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(figures, indent=1))
        return
    console = Console(highlight=False)
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {_short(number)}" for key, number in value.items())
        console.print(f"{name:>24}  {_short(value)}", markup=False)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)

"""``fbn bench``: speed and memory, measured where you are."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from fbn.cli.analyse import Detector

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Model = Annotated[str, typer.Option(help="Name or folder of a model; the default one if empty.")]


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    bench = typer.Typer(no_args_is_help=True)
    bench.callback()(_group)
    for command in (frame, throughput, memory, live):
        bench.command()(command)
    app.add_typer(bench, name="bench")


def _group() -> None:
    """Measure speed and memory."""


def frame(
    model: _Model = "",
    detector: Annotated[Detector, typer.Option(help="Which finds the faces.")] = Detector.AUTO,
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

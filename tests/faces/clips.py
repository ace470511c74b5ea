"""Clips for tests, drawn and written here: frame i is gray of value 4 i."""

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def write_clip(
    path: Path,
    count: int = 40,
    codec: str = "mjpeg",
    rate: int = 20,
    size: tuple[int, int] = (64, 48),
    times: Iterable[int] | None = None,
    sound: float = 0,
    title: str = "",
    **options: str,
) -> Path:
    """Write a clip.

    Args:
        path: its suffix says the container.
        count: frames.
        codec: FFmpeg's name of the encoder.
        rate: frames a second.
        size: width, height.
        times: when each frame is shown, in units of 1 / rate; one after another where None.
        sound: seconds of silence beside it.
        title: in the container's metadata.
        options: of the encoder.
    """
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, rate)
        audio = container.add_stream("pcm_s16le", rate=8000) if sound else None
        for i, time in zip(range(count), range(count) if times is None else times, strict=False):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 4 * i, np.uint8), format="rgb24")
            frame.pts = time
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, int(8000 * sound)), np.int16), "s16", "mono")
            silence.sample_rate = 8000
            container.mux([*audio.encode(silence), *audio.encode()])
    return path


def trim(path: Path, out: Path, frames: int, **options: str) -> Path:
    """Cut frames off the start without encoding anew, as cameras and phones do: an edit list hides them.

    ``options`` are the muxer's.
    """
    options = {"avoid_negative_ts": "disabled", **options}
    with av.open(str(path)) as source, av.open(str(out), "w", options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None:
                continue
            shift = int(frames / (packet.stream.average_rate * packet.time_base))
            packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, stream
            target.mux(packet)
    return out


def turn(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """Put a display matrix (a, b, c, d) into the video track of an MP4 file."""
    data = path.read_bytes()
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    place = data.index(plain, data.index(b"tkhd"))
    a, b, c, d = (value << 16 for value in matrix)
    path.write_bytes(data[:place] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[place + 36 :])
    return path


def truncate(path: Path, share: float = 0.5) -> Path:
    """Keep the first part of a file's bytes."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path

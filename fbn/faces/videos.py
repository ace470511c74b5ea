"""Decoding of video files to RGB frames with presentation times, by FFmpeg (PyAV)."""

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, BinaryIO

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from fbn.errors import FormatError
from fbn.faces.pictures import MAX_PIXELS, Notify, on_gray

#: Suffixes of supported videos; other files are recognised by contents.
VIDEO_SUFFIXES = frozenset(
    {
        *(".mp4", ".mov", ".m4v", ".qt", ".3gp", ".3g2", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".mpe", ".vob"),
        *(".mts", ".m2ts", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".mjpeg", ".mjpg", ".mxf"),
    }
)
#: Concatenated JPEGs, which cannot be distinguished from a picture by contents.
MOTION_JPEG_SUFFIXES = frozenset({".mjpeg", ".mjpg"})
#: Allowed FFmpeg formats. Playlists are excluded: they make FFmpeg open other files and URLs.
_CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,ogg,mpeg,mpegts,mpegvideo,m4v,h263,h264,hevc,obu,ivf,mjpeg,mxf,"
    "nut,dv,rm,wtv,yuv4mpegpipe"
)
#: Containers that store their duration; for others FFmpeg estimates it.
_WITH_DURATION = frozenset({"mov", "matroska", "avi", "asf", "flv"})
#: AVFMT_NOTIMESTAMPS of FFmpeg: raw streams without timestamps.
_WITHOUT_TIMES = 0x80
#: Seconds by which the stored duration of a complete file may exceed the decoded one.
_SLACK = 0.5
#: Number of frames that a decoder may delay for reordering; a frame of AVI is one tick of the stream's time base.
_REORDERED = 16
#: Frames per second of a stream that does not state its rate.
_DEFAULT_RATE = 25.0


@contextmanager
def open_video(file: BinaryIO, name: str, motion_jpeg: bool = False, probe_size: int = 0) -> Iterator[InputContainer]:
    """Open a container with at least one video stream that can be decoded.

    Args:
        file: positioned at the start.
        name: name of the file in error messages.
        motion_jpeg: whether the file is a raw stream of JPEGs.
        probe_size: number of bytes from which the format is recognised; 0: FFmpeg's default.

    Raises:
        FormatError: not a video, audio only, or frames of more than ``MAX_PIXELS``.
    """
    options = {"format_whitelist": _CONTAINERS, **({"format_probesize": str(probe_size)} if probe_size else {})}
    try:
        # metadata in other encodings than UTF-8 are common
        container = av.open(
            file,
            "r",
            format="mjpeg" if motion_jpeg else None,
            container_options=options,
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError) as error:
        if _is_system(error):
            raise
        empty = file.seek(0, 2) == 0
        what = "the file is empty" if empty else "not a video that can be read (of an unknown format, or cut short)"
        raise FormatError(f"{name}: {what}") from error
    with container:
        stream = _stream(container)
        if stream is None:
            raise FormatError(f"{name}: holds no video{', only sound' if container.streams.audio else ''}")
        if stream.codec_context is None:
            raise FormatError(f"{name}: its video is of a kind that cannot be decoded")
        _check_size(stream.codec_context.width, stream.codec_context.height, name)
        yield container


def is_video(file: BinaryIO) -> bool:
    """Whether the contents of a file are a video that can be decoded. Afterwards, the position is at the start."""
    try:
        with open_video(file, "", probe_size=2**16):
            return True
    except FormatError:
        return False
    finally:
        file.seek(0)


def count_frames(container: InputContainer) -> int:
    """Estimate the number of frames from the metadata of the container; at least 1."""
    stream = _stream(container)
    if stream is None:
        return 1
    if stream.duration is not None and stream.time_base is not None:
        seconds = float(stream.duration * stream.time_base)
    else:
        seconds = (container.duration or 0) / av.time_base
    return max(1, round(seconds * float(stream.average_rate or _rate(stream))) or stream.frames)


def video_frames(
    container: InputContainer, name: str, every: int, notify: Notify
) -> Iterator[tuple[int, float, np.ndarray]]:
    """Yield the index, the time in seconds since the first frame, and the pixels of every n-th frame.

    The frames are those that a player shows: frames before the start of a trimmed file are skipped, and the stored
    rotation is applied. Damaged frames are skipped, too, and reported at the end.

    Args:
        container: from ``open_video``.
        name: name of the file in messages.
        every: n; 1 yields every frame.
        notify: called with warnings about missing or irregular times.

    Yields:
        index: number of the frame, counted from 0.
        seconds: non-decreasing.
        pixels: [H, W, 3] uint8 RGB.

    Raises:
        FormatError: at the end, if frames could not be decoded or the file is shorter than its stored duration.
    """
    stream = _stream(container)
    assert stream is not None  # checked by open_video
    stream.thread_type = "AUTO"
    clock = _Clock(stream, presented=container.format.name != "avi")
    received = _Received()
    convert = VideoReformatter()
    index = damaged = 0
    rotation, matrix = None, None
    for frame in _decoded(container, stream, clock, received):
        seconds = clock.seconds(frame)
        _check_size(frame.width, frame.height, name)
        if frame.is_corrupt:
            received.add_lost(seconds)
            damaged += 1
        elif index % every == 0:
            if frame.rotation != rotation:
                rotation, matrix = frame.rotation, _display_matrix(frame)
            yield index, seconds, _upright(_pixels(frame, convert, name), matrix)
        index += 1
    if container.format.flags & _WITHOUT_TIMES:
        notify(f"{name}: states no times; they are counted at {_rate(stream):g} frames a second")
    elif clock.filled:
        what = "no time, or an earlier one than the frame before"
        notify(f"{name}: {clock.filled} of {index} frames have {what}; times are counted on from there")
    if index == 0:
        raise FormatError(f"{name}: damaged video, none of its frames could be decoded")
    faults = []
    if received.lost:
        faults.append(
            f"{received.lost} of its frames could not be decoded, the first at about {received.first_lost:.2f} s"
        )
    if missing := _missing(container, stream, received):
        faults.append(f"it breaks off {missing:.1f} s before its end")
    if faults:
        raise FormatError(f"{name}: damaged video, {' and '.join(faults)}; {index - damaged} frames were read")


def _is_system(error: Exception) -> bool:
    """Whether an error is from the operating system. EINVAL is not: FFmpeg seeks before the start of damaged files."""
    return isinstance(error, OSError) and not isinstance(error, av.FFmpegError) and error.errno != errno.EINVAL


def _stream(container: InputContainer) -> VideoStream | None:
    # the cover picture of an audio file is not a video
    best = container.streams.best("video")
    return best if isinstance(best, VideoStream) and not best.disposition & Disposition.attached_pic else None


def _kind(container: InputContainer) -> str:
    return container.format.name.split(",")[0]


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise FormatError(f"{name}: {width}x{height} pixels, expected at most {MAX_PIXELS // 10**6} megapixels a frame")


def _rate(stream: VideoStream) -> float:
    return float(stream.guessed_rate or stream.average_rate or _DEFAULT_RATE)


@dataclass
class _Received:
    """The part of a file that has been read.

    Attributes:
        video_end, end: time in seconds that the video stream, and any stream, has reached.
        lost: number of frames that could not be decoded.
        first_lost: time of the first of them in seconds.
    """

    video_end: float = 0.0
    end: float = 0.0
    lost: int = 0
    first_lost: float | None = None

    def add_packet(self, packet: Packet, is_video: bool) -> None:
        start = packet.dts if packet.pts is None else packet.pts
        if start is not None and packet.time_base is not None:
            end = float((start + (packet.duration or 0)) * packet.time_base)
            self.end = max(self.end, end)
            self.video_end = max(self.video_end, end) if is_video else self.video_end

    def add_lost(self, seconds: float) -> None:
        self.first_lost = seconds if self.first_lost is None else self.first_lost
        self.lost += 1


def _decoded(
    container: InputContainer, stream: VideoStream, clock: "_Clock", received: _Received
) -> Iterator[VideoFrame]:
    packets = container.demux()
    has_duration = _kind(container) in _WITH_DURATION
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except (av.FFmpegError, OSError) as error:
            if _is_system(error):
                raise
            received.add_lost(clock.last)
            with suppress(av.FFmpegError):
                yield from stream.decode(None)
            return
        if packet.size:
            received.add_packet(packet, packet.stream is stream)
        if packet.stream is not stream:
            continue
        clock.expect(packet)
        frames = None
        # the last packet of a truncated file may decode to a half gray frame
        if not (packet.is_corrupt and has_duration):
            with suppress(av.FFmpegError):
                frames = stream.decode(packet)
        if frames is not None:
            yield from frames
            continue
        clock.forget(packet)
        if clock.started:  # a recording that starts between two key frames has no frames before the next key frame
            received.add_lost(clock.last)


def _missing(container: InputContainer, stream: VideoStream, received: _Received) -> float:
    """Return the missing seconds of the stored duration; 0 for a complete file."""
    kind = _kind(container)
    if kind not in _WITH_DURATION:
        return 0.0
    stated, reached = (container.duration or 0) / av.time_base, received.end
    if kind == "avi" and stream.average_rate:  # FFmpeg shortens the duration of a truncated AVI
        stated, reached = float(stream.frames / stream.average_rate), received.video_end
    elif stream.duration is not None and stream.time_base is not None:
        stated, reached = float(stream.duration * stream.time_base), received.video_end
    missing = stated - reached
    return missing if missing > max(_SLACK, 2 / _rate(stream)) else 0.0


class _Clock:
    """Computes seconds since the first frame, non-decreasing.

    Args:
        stream: the video stream.
        presented: whether frames have presentation times. AVI stores decoding times only, and FFmpeg's guesses are
            unreliable: the times of the packets are then assigned to frames in order.

    Attributes:
        started: whether a frame was decoded.
        last: time of the last frame.
        filled: number of frames without a usable time, for which one was computed.
    """

    def __init__(self, stream: VideoStream, presented: bool) -> None:
        self._seconds_per_tick, self._seconds_per_frame = float(stream.time_base or 0), 1 / _rate(stream)
        self._presented = presented
        # heap of times, in ticks, of packets whose frames were not decoded yet
        self._waiting: list[int] = []
        # the stream's time of second 0
        self._zero: float | None = None
        self.started = False
        self.last = 0.0
        self.filled = 0

    def expect(self, packet: Packet) -> None:
        """Register a packet that is passed to the decoder."""
        ticks = packet.dts if packet.pts is None else packet.pts
        if not self._presented and packet.size and ticks is not None:
            heappush(self._waiting, ticks)

    def forget(self, packet: Packet) -> None:
        """Remove a packet that gave no frame."""
        ticks = packet.dts if packet.pts is None else packet.pts
        if ticks in self._waiting:
            self._waiting.remove(ticks)
            self._waiting.sort()

    def seconds(self, frame: VideoFrame) -> float:
        """Return the time of a frame; call it once per frame, in order."""
        ticks = frame.pts if self._presented else self._next(frame.pts)
        now = None if ticks is None else ticks * self._seconds_per_tick
        if now is not None and self._zero is None:
            self._zero = now - (self.last + self._seconds_per_frame if self.started else 0.0)
        if now is None or self._zero is None:
            self.filled += 1
            self.last += self._seconds_per_frame if self.started else 0.0
        else:
            seconds = now - self._zero
            if seconds < self.last:
                self.filled += 1
                if self.last - seconds > 1:  # times restarted, e.g. in concatenated recordings
                    seconds = self.last + self._seconds_per_frame
                    self._zero = now - seconds
            self.last = max(self.last, seconds)
        self.started = True
        return self.last

    def _next(self, guess: int | None) -> int | None:
        """Return the smallest waiting time in ticks; ``guess``, FFmpeg's time of the frame, if none is waiting."""
        # skip the times of packets without a frame, which would delay all later frames
        while guess is not None and len(self._waiting) > 1 and self._waiting[0] < guess - _REORDERED:
            heappop(self._waiting)
        return heappop(self._waiting) if self._waiting else guess


def _pixels(frame: VideoFrame, convert: VideoReformatter, name: str) -> np.ndarray:
    try:
        if any(part.is_alpha for part in frame.format.components):
            return np.asarray(on_gray(Image.fromarray(convert.reformat(frame, format="rgba").to_ndarray())))
        return convert.reformat(frame, format="rgb24").to_ndarray()
    except av.FFmpegError as error:
        raise FormatError(f"{name}: pixels of the kind {frame.format.name} cannot be converted to RGB") from error


def _display_matrix(frame: VideoFrame) -> list[int] | None:
    """Return the first five entries of the frame's 3x3 display matrix; None if it has none.

    Do not call it for every frame: side data and frame refer to each other, so that only Python's garbage collector
    frees them.
    """
    found: Mapping[str, Any] = frame.side_data
    if "DISPLAYMATRIX" not in found:
        return None
    return np.frombuffer(bytes(found["DISPLAYMATRIX"]), np.int32)[:5].tolist()


def _upright(image: np.ndarray, matrix: list[int] | None) -> np.ndarray:
    """Rotate (in quarter turns) and mirror an image according to a display matrix."""
    if matrix is None:
        return image
    # x' = a x + c y, y' = b x + d y
    a, b, _, c, d = matrix
    if abs(a) + abs(d) < abs(b) + abs(c):
        image, a, d = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])

"""Videos: each frame once, at the time it is shown, upright; only what is damaged is called damaged."""

import gc
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fbn.errors import FormatError
from fbn.faces.frames import Frame, frame_count, open_source, read_file
from tests.faces.clips import trim, truncate, turn, write_clip


def read(path: Path, every: int = 1) -> tuple[list[Frame], list[str], list[str]]:
    """Frames, errors and notes."""
    errors: list[str] = []
    notes: list[str] = []
    frames = list(open_source(path, every, lambda error: errors.append(str(error)), notes.append))
    return frames, errors, notes


def values(frames: list[Frame]) -> list[int]:
    """The numbers of the frames as they were drawn."""
    return [round(float(frame.image.mean()) / 4) for frame in frames]


CONTAINERS = [
    (".avi", "mjpeg", {}),
    (".mp4", "mpeg4", {}),
    (".mov", "libx264", {"bf": "2"}),
    (".avi", "libx264", {"bf": "2"}),
    (".avi", "mpeg4", {"bf": "2"}),
    (".mkv", "libx264", {"bf": "2"}),
    (".webm", "libvpx", {}),
    (".ts", "libx264", {"bf": "2"}),
    (".mpg", "mpeg2video", {"bf": "2"}),
    (".flv", "flv", {}),
    (".wmv", "wmv2", {}),
    (".3gp", "mpeg4", {}),
]


@pytest.mark.parametrize(("suffix", "codec", "options"), CONTAINERS)
def test_frames_come_once_in_order_at_their_times(tmp_path: Path, suffix: str, codec: str, options: dict) -> None:
    path = write_clip(tmp_path / f"a{suffix}", codec=codec, rate=25, **options)
    frames, errors, notes = read(path)
    assert (errors, notes) == ([], [])
    assert [frame.index for frame in frames] == list(range(40))
    assert np.allclose([frame.timestamp for frame in frames], np.arange(40) / 25, atol=0.0011)
    assert np.allclose([frame.image.mean() for frame in frames], 4 * np.arange(40), atol=4)
    assert frames[0].image.shape == (48, 64, 3)
    assert frame_count(path) > 20  # an estimate, where the container states no length


def test_frames_that_were_read_are_let_go(tmp_path: Path) -> None:
    """Not only when Python's collector comes round: a long video would fill memory with pictures until then."""
    path = write_clip(tmp_path / "a.mp4", codec="mpeg4")
    gc.collect()
    gc.disable()
    try:
        for _ in read_file(path):
            pass
        kept = sum(isinstance(thing, av.VideoFrame) for thing in gc.get_objects())
    finally:
        gc.enable()
    assert kept < 5


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    times = [0, 1, 2, 10, 11, 40, 41, 42, 43, 80]
    frames, errors, _ = read(write_clip(tmp_path / "a.mkv", 10, "libx264", 20, times=times))
    assert errors == []
    assert np.allclose([frame.timestamp for frame in frames], np.array(times) / 20, atol=0.0011)


def test_every_nth_frame_keeps_number_and_time(tmp_path: Path) -> None:
    frames = list(open_source(write_clip(tmp_path / "a.avi"), every=7))
    assert [frame.index for frame in frames] == [0, 7, 14, 21, 28, 35]
    assert np.isclose(frames[-1].timestamp, 35 / 20)
    assert values(frames) == [0, 7, 14, 21, 28, 35]


def test_a_video_is_read_as_it_is_asked_for(tmp_path: Path) -> None:
    frames = read_file(write_clip(tmp_path / "a.avi"))
    assert next(frames).index == 0
    frames.close()  # releases the file without reading on


def test_what_a_trimmed_file_hides_is_not_shown(tmp_path: Path) -> None:
    long = write_clip(tmp_path / "long.mp4", 40, "libx264", g="40", bf="0")
    frames, errors, _ = read(trim(long, tmp_path / "a.mp4", 15))
    assert errors == []
    assert values(frames) == list(range(15, 40))
    assert np.allclose([frame.timestamp for frame in frames], np.arange(25) / 20)


def test_longer_sound_is_no_damage(tmp_path: Path) -> None:
    for suffix in (".mkv", ".mov", ".avi"):
        frames, errors, _ = read(write_clip(tmp_path / f"a{suffix}", 20, "mpeg4", sound=4))
        assert (len(frames), errors) == (20, [])


def test_dropped_frames_of_an_avi_are_no_damage(tmp_path: Path) -> None:
    times = [i for i in range(44) if i % 11 != 5]
    frames, errors, _ = read(write_clip(tmp_path / "a.avi", 40, "mpeg4", times=times))
    assert errors == []
    assert np.allclose([frame.timestamp for frame in frames], np.array(times) / 20)


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mpg"])
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_cut_file_is_damaged_after_its_readable_frames(tmp_path: Path, suffix: str, share: float) -> None:
    codec = "mpeg2video" if suffix == ".mpg" else "mjpeg"
    frames, errors, _ = read(truncate(write_clip(tmp_path / f"a{suffix}", 60, codec, size=(160, 120)), share))
    assert len(errors) == 1
    assert "damaged video" in errors[0]
    assert 60 * share * 0.5 < len(frames) < 60 * share * 1.5
    assert values(frames) == list(range(len(frames)))  # none of them is half gray


def test_a_cut_mp4_with_its_index_in_front_is_damaged(tmp_path: Path) -> None:
    plain = write_clip(tmp_path / "plain.mp4", 60, "mpeg4")
    trim(plain, tmp_path / "a.mp4", 0, movflags="faststart")
    frames, errors, _ = read(truncate(tmp_path / "a.mp4", 0.8))
    assert len(errors) == 1
    assert "breaks off" in errors[0] or "could not be decoded" in errors[0]
    assert 10 < len(frames) < 60


def test_a_damaged_middle_costs_its_frames_and_no_others(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 60, "libx264", g="10", bf="0")
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packet = next(p for p in container.demux(video=0) if p.pts is not None and p.pts * p.time_base * 20 == 25)
        data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    frames, errors, _ = read(path)
    assert len(errors) == 1
    assert "could not be decoded" in errors[0]
    assert values(frames)[-10:] == list(range(50, 60))
    assert np.isclose(frames[-1].timestamp, 59 / 20)


def test_joined_recordings_go_on_in_time_and_say_so(tmp_path: Path) -> None:
    one = write_clip(tmp_path / "one.mpg", 40, "mpeg2video", 25)
    path = tmp_path / "two.mpg"
    path.write_bytes(one.read_bytes() * 2)
    frames, errors, notes = read(path)
    assert errors == []
    times = [frame.timestamp for frame in frames]
    assert len(times) == 80
    assert np.allclose(np.diff(times), 1 / 25, atol=0.0011)
    assert len(notes) == 1
    assert "times are counted on" in notes[0]


def test_a_bare_stream_of_jpegs_has_counted_times_and_says_so(tmp_path: Path) -> None:
    pictures = [cv2.imencode(".jpg", np.full((48, 64, 3), 4 * i, np.uint8))[1].tobytes() for i in range(10)]
    path = tmp_path / "a.mjpeg"
    path.write_bytes(b"".join(pictures))
    frames, errors, notes = read(path)
    assert (values(frames), errors) == (list(range(10)), [])
    assert np.allclose([frame.timestamp for frame in frames], np.arange(10) / 25)
    assert len(notes) == 1
    assert "states no times" in notes[0]


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((1, 0, 0, 1), lambda image: image),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image)),
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
    ],
)
def test_a_stated_rotation_is_applied(tmp_path: Path, matrix: tuple[int, int, int, int], shown) -> None:
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:24, :32] = 200  # bright above on the left
    stored[24:, :32] = 100
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(stored, format="rgb24")))
        container.mux(stream.encode())
    frames, _, _ = read(turn(path, matrix))
    expected = shown(stored)
    assert frames[0].image.shape == expected.shape
    assert np.abs(frames[0].image.astype(int) - expected).mean() < 10


def test_deep_and_full_range_video_is_as_bright_as_any(tmp_path: Path) -> None:
    for pixels in ("yuv420p", "yuvj420p", "yuv444p", "yuv420p10le"):
        path = tmp_path / f"{pixels}.mkv"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
            for i in range(10):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * i, np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        frames, errors, _ = read(path)
        assert errors == []
        assert np.allclose([frame.image.mean() for frame in frames], 20 * np.arange(10), atol=5), pixels


def test_interlaced_video_is_read(tmp_path: Path) -> None:
    # OpenCV's reader gives black frames here
    path = write_clip(tmp_path / "a.mkv", codec="libx264", x264opts="tff=1:bframes=0")
    frames, errors, _ = read(path)
    assert (values(frames), errors) == (list(range(40)), [])


def test_a_title_that_does_not_decode_is_no_hindrance(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 5, title="some title")
    data = path.read_bytes()
    assert b"some title" in data
    path.write_bytes(data.replace(b"some title", b"some titl\xe9"))
    frames, errors, _ = read(path)
    assert (len(frames), errors) == (5, [])


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), "s16", "mono")
        sound.sample_rate = 8000
        container.mux([*stream.encode(sound), *stream.encode()])
    with pytest.raises(FormatError, match="no video, only sound"):
        list(read_file(path))


def test_playlists_open_no_other_file(tmp_path: Path) -> None:
    write_clip(tmp_path / "secret.ts", codec="libx264")
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:3", "#EXTINF:3,", str(tmp_path / "secret.ts"), "#EXT-X-ENDLIST"]
    for name in ("list.mp4", "list.m3u8", "list"):
        (tmp_path / name).write_text("\n".join(lines))
        with pytest.raises(FormatError):
            list(read_file(tmp_path / name))


def test_frames_above_the_limit_are_refused(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", 1, "mjpeg", size=(8000, 5008))
    with pytest.raises(FormatError, match=r"8000x5008 pixels, expected at most 40 megapixels a frame"):
        list(read_file(path))

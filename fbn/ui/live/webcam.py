"""Video over WebRTC: frames from the browser's camera or from a clip to a ``LiveSession``, and back to the browser."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from importlib.resources import files
from typing import Any, cast

import aioice
import av
import numpy as np
import streamlit as st
from streamlit_webrtc import Translations, VideoSourceTrack, WebRtcMode, create_video_source_track, webrtc_streamer

from fbn.errors import FormatError
from fbn.inference.live import WEBCAM, LiveSession
from fbn.synthetic.playback import RATE, Playback

_START, _AGAIN, _STOP = "Start the camera", "Start again", "Stop"
_PLAY = "Play the clip"
_TRANSLATIONS = {
    "stop": _STOP,
    "select_device": "Choose a camera",
    "device_ask_permission": "Please allow the camera in your browser.",
    "device_access_denied": "The browser refused the camera. Allow it beside the address, or use the sample clip.",
    "device_not_available": "No camera was found. Connect one, or use the sample clip.",
    "media_api_not_available": "This browser gives no camera to this page; it needs https or localhost.",
}
_STARTS = "live_starts"
_JS = (files("fbn") / "ui" / "live" / "camera.js").read_text("utf-8")
_watcher = st.components.v2.component("fbn_camera", html='<div class="camera"></div>', js=_JS)


class _LocalAddress:
    """Replaces aioice's look-up of ``.local`` names, which would query the whole local network by multicast.

    A browser without permission to use the camera replaces its address by such a name. Usually it runs on this machine
    and has this machine's address; otherwise it connects itself once it knows the server's address.
    """

    async def resolve(self, hostname: str) -> str | None:
        """Return this machine's first IPv4 address."""
        return next(iter(aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=False)), None)


async def _resolve_locally(subscriber: object) -> _LocalAddress:
    return _LocalAddress()


aioice.ice.get_or_create_mdns_protocol = _resolve_locally  # type: ignore[assignment]


@dataclass(frozen=True)
class Problem:
    """Why there is no video.

    Attributes:
        title: the problem.
        remedy: instructions; Markdown.
        retry: whether another attempt may help.
    """

    title: str
    remedy: str
    retry: bool = True


#: Name of the browser's error -> problem.
_PROBLEMS = {
    "NotAllowedError": Problem(
        "The browser was not allowed to use the camera",
        "Click the symbol at the left end of the browser's address bar (a camera, a lock or sliders), set **Camera** "
        "to **Allow**, then press **Retry**. If it is allowed there, look into the system's settings: on Windows "
        "*Privacy & security › Camera*, on macOS *Privacy & Security › Camera*.",
    ),
    "NotFoundError": Problem(
        "No camera was found", "Connect one, or open its cover and switch it on. Then press **Retry**."
    ),
    "NotReadableError": Problem(
        "The camera is in use",
        "Another program or another tab holds it. Close video calls and other tabs that show it, then press **Retry**.",
    ),
    "Connection": Problem(
        "No picture comes through",
        "The browser and the app cannot reach each other with video. On one machine a VPN or a firewall that blocks "
        "WebRTC (UDP) may be the cause; between two machines the app needs a TURN server, see the README.",
    ),
    "Insecure": Problem(
        "The browser gives this address no camera",
        "Browsers give cameras only to secure pages. Open the app on the machine that runs it, at `http://localhost` "
        "with the same port, or have it served over https.",
        retry=False,
    ),
}
_ALIASES = {
    "OverconstrainedError": "NotFoundError",
    "DevicesNotFoundError": "NotFoundError",
    "AbortError": "NotReadableError",
    "TrackStartError": "NotReadableError",
    "SecurityError": "NotAllowedError",
    "PermissionDeniedError": "NotAllowedError",
}


def problem_of(message: str) -> Problem | None:
    """Return the problem behind an error message of the browser; None if the message is empty.

    Args:
        message: e.g. ``NotAllowedError: Permission denied``, or ``Insecure``.
    """
    if not message:
        return None
    name = "Connection" if message.startswith("Connection ") else message.split(":")[0].strip()
    if "mediaDevices" in message:
        name = "Insecure"
    other = Problem("The video could not be started", f"The browser says: *{message}*. Press **Retry** to try again.")
    return _PROBLEMS.get(_ALIASES.get(name, name), other)


def start_video(camera: bool) -> None:
    """Start the video as if Start were pressed; a playing video is stopped first.

    Args:
        camera: whether it is the camera's video; else the clip's.
    """
    key = f"{_STARTS} {camera}"
    st.session_state[key] = st.session_state.get(key, 0) + 1


def watch(camera: bool) -> Problem | None:
    """Return the problem that keeps the page's video from starting, or None. Call it once per run of the page.

    Args:
        camera: whether it is the camera's video; else the clip's.
    """
    state = _watcher(
        data={
            "asked": st.session_state.get(f"{_STARTS} {camera}", 0),
            "camera": camera,
            "start": [_START, _AGAIN] if camera else [_PLAY],
            "stop": [_STOP],
        },
        key=f"video watcher {camera}",
        on_problem_change=lambda: None,
    )
    return problem_of(getattr(state, "problem", None) or "")


def ice_servers() -> list[dict[str, Any]]:
    """Return the STUN and TURN servers in ``FBN_ICE_SERVERS``, a JSON list as in WebRTC (or in Streamlit's secrets).

    On one machine none is needed. A hosted app needs a TURN server, since its users are in other networks.

    Raises:
        FormatError: not a JSON list of objects with ``urls``.
    """
    text = os.environ.get("FBN_ICE_SERVERS") or "[]"
    expected = 'expected a JSON list like [{"urls": "turn:host:3478", "username": "...", "credential": "..."}]'
    try:
        servers = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"FBN_ICE_SERVERS: {error}; {expected}") from error
    if not isinstance(servers, list) or not all(isinstance(s, dict) and "urls" in s for s in servers):
        raise FormatError(f"FBN_ICE_SERVERS: {expected}")
    return servers


def webcam(session: LiveSession) -> bool:
    """Show the camera's video with the overlay of ``session``; return whether it plays."""
    again = session.view().frames > 0
    return stream(_frame_callback(session, WEBCAM), "webcam", _AGAIN if again else _START, session.ended)


def play(session: LiveSession, clip: Playback, name: str) -> bool:
    """Show a clip with the overlay of ``session``, without a camera; return whether it plays."""
    track = create_video_source_track(partial(as_source, clip), key="live_clip_track", fps=RATE)
    return stream(_frame_callback(session, name), "clip", _PLAY, session.ended, track)


def as_source(clip: Playback, pts: int, time_base: Fraction) -> av.VideoFrame:
    """Return a clip's frame, in the form of ``streamlit_webrtc.create_video_source_track``."""
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(clip.frame(float(pts * time_base))), format="rgb24")
    frame.pts, frame.time_base = pts, time_base
    return frame


def _frame_callback(session: LiveSession, source: str) -> Callable[[av.VideoFrame], av.VideoFrame]:
    def show(frame: av.VideoFrame) -> av.VideoFrame:
        image = frame.to_ndarray(format="rgb24")
        return av.VideoFrame.from_ndarray(session.show(image, session.seconds(), source), format="rgb24")

    return show


def stream(
    callback: Callable[[av.VideoFrame], av.VideoFrame],
    key: str,
    start: str = _START,
    ended: Callable[[], None] | None = None,
    clip: VideoSourceTrack | None = None,
) -> bool:
    """Send frames through ``callback``, on a separate thread, to the browser; return whether the video plays.

    Args:
        callback: draws on a frame.
        key: key of the component.
        start: label of its button.
        ended: called on another thread when the stream ends: by Stop, another page, a closed tab, a lost connection.
        clip: the source of frames; None for the browser's camera.
    """
    context = webrtc_streamer(
        key=key,
        mode=WebRtcMode.SENDRECV if clip is None else WebRtcMode.RECVONLY,
        source_video_track=clip,
        video_frame_callback=callback,
        on_video_ended=ended,
        # processing in the receiving loop would queue frames, with delays of seconds
        async_processing=True,
        rtc_configuration={"iceServers": ice_servers()},
        media_stream_constraints={
            "video": {"width": {"ideal": 640}, "height": {"ideal": 480}, "frameRate": {"ideal": 30}},
            "audio": False,
        },
        video_html_attrs={
            "autoPlay": True,
            "controls": False,
            "muted": True,
            "style": {"width": "100%", "borderRadius": "0.6rem"},
        },
        translations=cast(Translations, _TRANSLATIONS | {"start": start}),
    )
    return context.state.playing


if __name__ == "__main__":  # run by ``fbn bench live`` as the baseline: frames are returned unchanged
    stream(lambda frame: frame, "bare")

"""The webcam over WebRTC: frames from the browser to a ``LiveSession`` and back."""

import json
import os
from collections.abc import Callable
from typing import Any, cast

import av
from streamlit_webrtc import Translations, webrtc_streamer

from fbn.errors import FormatError
from fbn.ui.live import LiveSession

_WORDS = {
    "start": "Start the camera",
    "stop": "Stop",
    "select_device": "Choose a camera",
    "device_ask_permission": "Please allow the camera in your browser.",
    "device_access_denied": "The browser refused the camera. Allow it beside the address, or use a picture instead.",
    "device_not_available": "No camera was found. Connect one, or use a picture instead.",
    "media_api_not_available": "This browser gives no camera to this page; it needs https or localhost.",
}


def ice_servers() -> list[dict[str, Any]]:
    """STUN and TURN servers from ``FBN_ICE_SERVERS``, a JSON list as WebRTC wants it (Streamlit's secrets set it too).

    On one machine none is needed. A hosted app needs a TURN server, since viewers sit behind other networks.

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
    """Show the camera's picture as ``session`` draws it. True while it plays."""

    def show(frame: av.VideoFrame) -> av.VideoFrame:
        image = frame.to_ndarray(format="rgb24")
        return av.VideoFrame.from_ndarray(session.show(image, session.seconds()), format="rgb24")

    return stream(show, "webcam")


def stream(callback: Callable[[av.VideoFrame], av.VideoFrame], key: str) -> bool:
    """Send the camera's frames through ``callback``, on a thread of its own, and back. True while it plays."""
    context = webrtc_streamer(
        key=key,
        video_frame_callback=callback,
        # processing inside the receiving loop would queue frames up to seconds of delay
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
        translations=cast(Translations, _WORDS),
    )
    return context.state.playing

"""A page that hands each camera frame straight back: what ``fbn bench live`` compares the live page with."""

import av

from fbn.ui.live.webcam import stream


def _same(frame: av.VideoFrame) -> av.VideoFrame:
    return frame


stream(_same, "bare")

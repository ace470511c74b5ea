"""From frames to results: the one way every input goes."""

from fbn.inference.analyser import FaceAnalyser
from fbn.inference.results import Affect, FaceResult, FrameResult

__all__ = ["Affect", "FaceAnalyser", "FaceResult", "FrameResult"]

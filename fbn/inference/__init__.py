"""Inference: from frames to results."""

from fbn.inference.analyser import FaceAnalyser
from fbn.inference.results import Affect, FaceResult, FrameResult

__all__ = ["Affect", "FaceAnalyser", "FaceResult", "FrameResult"]

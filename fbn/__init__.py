"""FaceBehaviorNet: one network that reads a face's expression, action units, valence and arousal."""

import os

__version__ = "0.7.0"

# From 1.29 on onnxruntime sends usage data to its maker and keeps a device number in the user's cache. Only this
# variable, read when it is first imported, turns off all of it: its own call leaves a first event.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

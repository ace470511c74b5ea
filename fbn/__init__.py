"""FaceBehaviorNet: one network that reads a face's expression, action units, valence and arousal."""

import os

__version__ = "0.6.5"

# Newer versions of onnxruntime send usage data to their maker and keep a device number in the home folder, unless this
# is set before the library is loaded. Nothing leaves the machine.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

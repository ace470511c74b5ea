"""FaceBehaviorNet: one network that reads a face's expression, action units, valence and arousal.

The public names are listed in the stub beside this file, ``__init__.pyi``. Each is imported when it is first used, so
that ``import fbn`` itself loads none of the libraries behind them.

Docstrings cite four papers by letter, so that "A 3.1.2" is section 3.1.2 of paper A and "A eq. 4" its equation 4:

- A: Kollias, Sharmanska and Zafeiriou, Distribution Matching for Heterogeneous Multi-Task Learning (2021);
- B: Deng, Chen and Shi, FAU, Facial Expressions, Valence and Arousal: A Multi-task Solution (2020);
- C: Kollias, Sharmanska and Zafeiriou, Face Behavior à la carte (2019);
- D: A Multi-Task Learning & Generation Framework.
"""

import os

import lazy_loader

__version__ = "0.8.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# From 1.29 on onnxruntime sends usage data to its maker and keeps a device number in the user's cache. Only this
# variable, read when it is first imported, turns off all of it: its own call leaves a first event.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

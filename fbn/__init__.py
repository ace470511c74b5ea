"""FaceBehaviorNet: one network that reads a face's expression, action units, valence and arousal."""

__version__ = "0.6.5"

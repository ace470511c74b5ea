"""Experiments: ``fbn study``.

The first tests whether the couplings improve the predictions, as case study I of paper A (section 4 of paper C) does.
"""

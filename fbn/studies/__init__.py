"""Do the couplings pay? Paper A's case study I (C's section 4) as an experiment that anybody can run: ``fbn study``."""

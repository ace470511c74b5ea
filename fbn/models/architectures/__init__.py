"""Other bodies under the same 26 outputs: the multi-task baselines of A Tables IV and VIII."""

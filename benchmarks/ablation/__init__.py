"""The parts of `benchmarks.ablations`: one claim of the paper each."""

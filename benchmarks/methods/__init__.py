"""Methods as the truth bench runs them: examples to begin from (docs/bench.md)."""

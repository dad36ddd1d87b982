"""Instant style: a style picture's code in the style prior, baked into an ordinary generator."""

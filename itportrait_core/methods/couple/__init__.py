"""Image-text embedding (Eq. 7-9) and its alternation with APT."""

"""A style without training: read from a picture at once, blended, saved as a difference."""

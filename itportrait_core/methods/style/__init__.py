"""Styles: read from a picture at once, blended, edited, in people's own colours, saved as a difference."""

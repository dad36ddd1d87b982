"""Artistic paired transfer, APT: a picture's style for everybody (Eq. 5-6)."""

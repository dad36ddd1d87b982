"""Pivotal tuning: the generator moves to one picture (paper 5.4)."""

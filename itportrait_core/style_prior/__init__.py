"""A prior of what styles are: a linear basis of weight changes, and an encoder from a picture to its code."""

"""The embedded default: procedural portraits whose truth is known, and the small networks trained on them."""

"""A finished style: blended without training, and saved as a difference."""

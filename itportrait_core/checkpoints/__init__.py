"""Files of weights: our own safetensors format, and readers for what users already have."""

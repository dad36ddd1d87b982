"""What a loss compares: CLIP directions, perceptual distance, identity, depth."""

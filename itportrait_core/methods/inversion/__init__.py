"""From a picture to a latent and a pose (Eq. 3-4)."""

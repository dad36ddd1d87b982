"""What every method stands on: loop, history, files, latents, render passes."""

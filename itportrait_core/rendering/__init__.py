"""Cameras and everything that is drawn from them: views, meshes, splats."""

"""A real ComfyUI for the tests and the demo: set-up, server, client, workflows."""

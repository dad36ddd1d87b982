"""Pure network modules with the official parameter names; nothing here knows of files, losses or ComfyUI."""

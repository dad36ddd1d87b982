"""Live heads: planes, decoder and cameras of a 3D generator packed for a renderer in the browser."""

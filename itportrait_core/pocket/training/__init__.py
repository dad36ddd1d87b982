"""How the pocket family is trained: one module per network and one loop for all."""

"""Recipe cards: what a file was made from, carried inside the file, and the check that it is true."""

"""The live page: a server over the stores, and the files that a browser shows."""

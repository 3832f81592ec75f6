"""The command `tepwatch`: one module a command; parses and prints."""

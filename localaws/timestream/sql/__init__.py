"""Timestream's SQL, read, typed and written again as DuckDB's.

Reading, typing and writing are three steps, and only what the middle one knows gets through: every
kind of node, function and pair of types is listed with what it means in Timestream, so a statement
has Timestream's meaning or is refused with the part named.

The grammar is our own and not sqlglot's. sqlglot was tried behind the same tests: its parser takes
much that Timestream refuses (`a = b = c`, `LIMIT 5, 3`, a missing THEN), renames functions and
shifts array indices on the way, and to undo all that took more code than the grammar itself, and
sqlglot's private methods. No statement that both read was read differently.
"""

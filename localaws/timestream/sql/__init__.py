"""Timestream's SQL: read, checked and written for DuckDB."""

"""Timestream for LiveAnalytics on DuckDB, behind the service's own API."""

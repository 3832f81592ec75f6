"""Dashboards and alert rules as code, for Grafana and for the live page."""

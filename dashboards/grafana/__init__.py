"""Dashboards and rules for Grafana 13: rendered to its files, and sent to its API.

The only part of the room that knows Grafana's Foundation SDK and its client.
"""

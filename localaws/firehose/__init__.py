"""Firehose on this machine: buffers, transforms and writes as the service does."""

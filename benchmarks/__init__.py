"""Benchmarks: `make bench` prints what they compare."""

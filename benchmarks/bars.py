"""Figures beside the bars that they have to hold."""

from __future__ import annotations


def against(figure: float, bar: float) -> str:
    """What a figure is to a bar that it must not exceed."""
    return f"{'within' if figure <= bar else 'MISSES'} the bar of {bar:g}"

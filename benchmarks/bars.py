"""Figures beside the bars that they have to hold."""

from __future__ import annotations


def verdict(*, held: bool) -> str:
    """Whether a bar is held, in a word."""
    return "within" if held else "MISSES"


def against(figure: float, bar: float) -> str:
    """What a figure is to a bar that it must not exceed."""
    return f"{verdict(held=figure <= bar)} the bar of {bar:g}"


def reaching(figure: float, bar: float) -> str:
    """What a figure is to a bar that it must at least reach."""
    return f"{bar:g} {'HELD' if figure >= bar else 'MISSED'}"

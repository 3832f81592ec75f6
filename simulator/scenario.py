"""Scenario files: what is to happen to the plants, written by a person or from a run.

A TOML file with an entry for each thing that happens:

    [[disturbance]]
    idv = 6
    at = "8h"                 # h, m or s of process time since the start; every entry has it
    until = "12h"             # optional: then it is off again
    plant = "plant-2"         # optional: a name or a list of names; without it all plants

    [[setpoint]]
    name = "reactor-pressure"
    value = 2750
    at = "2h"                 # until: back to the value that the control strategy starts with

    [[valve]]
    number = 10
    percent = 45              # or auto = true: the controllers have it again
    at = "3h"

    [[sensor]]
    tag = "xmeas_9"
    fault = "bias"            # stuck, bias, drift, noise, missing; ok: mended
    amount = 2.0
    at = "5h"

    [[restart]]
    at = "20h"

A disturbance is switched off by `on = false`. At the same time, what ends by `until` comes first;
the rest happens in the order of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from simulator.actions import ActionError, check
from simulator.scenario_entries import KINDS, Entry, entry_of, read_entry
from simulator.schedule import Scheduled, check_plant, parse_span
from simulator.strategies import Strategy
from tepwatch.errors import InputFileError

_HEADER: Final = re.compile(r"[ \t]*\[\[[ \t]*([A-Za-z0-9_-]+)[ \t]*\]\][ \t]*(?:#.*)?")


def load(path: Path, strategy: Strategy, plants: Sequence[str]) -> list[Scheduled]:
    """Read a scenario.

    Args:
        path: the file.
        strategy: that controls the plants.
        plants: the names that exist.

    Returns:
        What happens, in the order of time.

    Raises:
        InputFileError: the file is not readable, or an entry asks for what cannot be; the text
            names the file, the entry, the field and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        tables = tomllib.loads(text)
    except OSError as error:
        raise InputFileError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputFileError(f"{path} is not a TOML file in UTF-8: {error}") from error
    ends: list[Scheduled] = []
    begins: list[Scheduled] = []
    for found in _entries(path, text, tables):
        try:
            entry = read_entry(found.kind, found.fields)
            for plant in _plants(entry, plants):
                begin, *end = _scheduled(entry, plant, strategy)
                begins.append(begin)
                ends += end
        except ActionError as error:
            raise InputFileError(f"{path} line {found.line}, {found.name}: {error}") from error
    return sorted(ends + begins, key=lambda item: item.hours)


class _Found(NamedTuple):
    """An entry as it stands in the file; `name` is its kind and its number within the kind."""

    kind: str
    line: int
    name: str
    fields: dict[str, Any]


def _entries(path: Path, text: str, tables: Mapping[str, Any]) -> Iterator[_Found]:
    """The entries in the order of the file, which TOML does not keep across the kinds."""
    headers: list[tuple[str, int]] = []
    for line, content in enumerate(text.split("\n"), 1):
        match = _HEADER.fullmatch(content)
        if match and match[1] in tables:
            headers.append((match[1], line))
    for kind, entries in tables.items():
        lines = [line for name, line in headers if name == kind]
        if kind not in KINDS:
            where = f"{path} line {lines[0]}" if lines else f"{path}"
            allowed = ", ".join(f"[[{known}]]" for known in KINDS)
            raise InputFileError(f"{where}: {kind!r} is not a kind of entry; allowed are {allowed}")
        if not isinstance(entries, list) or len(entries) != len(lines):
            raise InputFileError(f"{path}: each {kind} begins with a line [[{kind}]] of its own")
    counts = dict.fromkeys(tables, 0)
    for kind, line in headers:
        counts[kind] += 1
        yield _Found(kind, line, f"[[{kind}]] {counts[kind]}", tables[kind][counts[kind] - 1])


def _plants(entry: Entry, plants: Sequence[str]) -> Sequence[str | None]:
    """The plants of an entry, None for all."""
    if entry.plant is None:
        return [None]
    names = [entry.plant] if isinstance(entry.plant, str) else list(dict.fromkeys(entry.plant))
    if not names:
        raise ActionError("plant: the list is empty; leave it out for all plants")
    for name in names:
        check_plant(name, plants)
    return names


def _scheduled(entry: Entry, plant: str | None, strategy: Strategy) -> list[Scheduled]:
    """What an entry does to a plant: its action, and what ends it."""
    begin, end = parse_span(entry.at, entry.end)
    action = entry.begins()
    check(action, strategy)
    items = [Scheduled(begin, plant, action)]
    if end is not None:
        items.append(Scheduled(end, plant, entry.ends(strategy)))
    return items


def dump(items: Sequence[Scheduled]) -> str:
    """A scenario file of these actions, which `load` reads to the last bit.

    >>> from simulator.actions import HoldValve
    >>> print(dump([Scheduled(8.0005, "plant-2", HoldValve(10))]), end="")
    [[valve]]
    at = "8.0005h"
    plant = "plant-2"
    number = 10
    auto = true
    """
    return "\n".join(_written(*entry_of(item)) for item in items)


def _written(kind: str, entry: Entry) -> str:
    fields = {
        field.name: getattr(entry, field.name)
        for field in msgspec.structs.fields(entry)
        if getattr(entry, field.name) != field.default
    }
    lines = [f"{name} = {_toml(value)}\n" for name, value in fields.items()]
    return f"[[{kind}]]\n{''.join(lines)}"


def _toml(value: float | str | list[str]) -> str:
    # JSON writes true, whole numbers and strings as TOML does, but not every float.
    if isinstance(value, float):
        return repr(float(value))
    return msgspec.json.encode(value).decode()

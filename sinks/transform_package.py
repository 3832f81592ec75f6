"""The zip of the CSV transform: the function and the columns it writes, from the schema."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Final

from sinks import csv_transform
from tepwatch.schema import TABLES

HANDLER: Final = "csv_transform.lambda_handler"
"""What to call the function's entry point when creating it."""

# The earliest time a zip can hold: what is in it depends on nothing but the sources.
_TIME: Final = (1980, 1, 1, 0, 0, 0)
_UNIX: Final = 3
_PERMISSIONS: Final = 0o100644


def table_columns() -> dict[str, list[str]]:
    """The columns of each table, in order, as the function has them beside it."""
    return {name: [column.name for column in table.columns] for name, table in TABLES.items()}


def transform_package() -> bytes:
    """The zip, the same bytes whenever and wherever it is made."""
    contents = {
        "columns.json": json.dumps(table_columns(), indent=1).encode(),
        "csv_transform.py": Path(csv_transform.__file__).read_bytes(),
    }
    out = io.BytesIO()
    # Stored, not deflated: another zlib compresses to other bytes.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as package:
        for name, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _PERMISSIONS << 16
            package.writestr(entry, data)
    return out.getvalue()

"""ministack's S3 from within its process: put and delete, and listing while other threads write.

ministack serves S3 on its event loop and knows no other writer. Firehose's delivery threads are
such writers, and two of its functions walk a bucket's objects in Python: those get a snapshot.
With S3_PERSIST=1, which the launcher sets, ministack keeps an object's body on disk only and loads
what it finds there when it starts; of a bucket it keeps the objects, not the configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from ministack.core.responses import request_scope
from ministack.services import s3

from localaws import hooks

_WALK_ATTEMPTS: Final = 20
_ACCOUNT_ID_LENGTH: Final = 12


class StoreError(Exception):
    """S3 did not store or delete an object; the text is its code and message."""


def install() -> None:
    """Make listing safe while other threads write. Raises StartupError like `hooks.install`."""
    hooks.install(s3, HOOKS)


def put_object(
    account: str, region: str, bucket: str, key: str, body: bytes, headers: Mapping[str, str]
) -> str | None:
    """Store an object; returns its version id where the bucket has versions.

    Call it from a thread without an event loop.

    Raises:
        StoreError: the object is not stored.
    """
    all_headers = {
        "content-type": "application/octet-stream",
        "content-length": str(len(body)),
        "host": "s3.localhost",
        **headers,
    }
    return _request(account, region, "PUT", f"/{bucket}/{key}", all_headers, body, {})


def delete_object(account: str, region: str, bucket: str, key: str, version: str | None) -> None:
    """Delete an object, or one version of it; none there is no error.

    Raises:
        StoreError: it may still be there.
    """
    query = {} if version is None else {"versionId": [version]}
    headers = {"host": "s3.localhost"}
    _request(account, region, "DELETE", f"/{bucket}/{key}", headers, b"", query)


def has_object(account: str, bucket: str, key: str) -> bool:
    """Whether a bucket has an object, of any version."""
    found = s3._buckets._data.get((account, bucket))
    versions = s3._object_versions._data.get((account, (bucket, key)))
    return found is not None and (key in found["objects"] or bool(versions))


def restore_buckets(folder: Path) -> None:
    """Bring back the empty buckets that ministack's own loading of `folder` skips."""
    for bucket in folder.glob("[0-9]*/*"):
        account = bucket.parent.name
        if bucket.is_dir() and len(account) == _ACCOUNT_ID_LENGTH:
            created = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
            empty: dict[str, Any] = {"created": created, "objects": {}, "region": None}
            s3._buckets._data.setdefault((account, bucket.name), empty)


def _request(
    account: str,
    region: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, list[str]],
) -> str | None:
    with request_scope(account, region):
        status, answer_headers, answer = asyncio.run(
            s3.handle_request(method, path, headers, body, query, internal=True)
        )
    if status >= 300:  # noqa: PLR2004 - anything but success
        raise StoreError(_error_text(status, answer))
    return answer_headers.get("x-amz-version-id")


def _error_text(status: int, body: bytes) -> str:
    with contextlib.suppress(ElementTree.ParseError):
        root = ElementTree.fromstring(body)
        return f"{root.findtext('Code')}: {root.findtext('Message')}"
    return f"status {status}"


_original_collect: Final[Callable[..., Any]] = s3._collect_list_entries
_original_versions: Final[Callable[..., Any]] = s3._list_object_versions


def _collect_list_entries(
    bucket_objects: Iterable[str], prefix: str, delimiter: str, max_keys: int, start_after: str
) -> object:
    # list() of a dict is one step for Python; a generator over it is not.
    return _original_collect(list(bucket_objects), prefix, delimiter, max_keys, start_after)


def _list_object_versions(bucket_name: str, query_params: dict[str, Any]) -> object:
    for _ in range(_WALK_ATTEMPTS):
        with contextlib.suppress(RuntimeError):  # changed size during iteration
            return _original_versions(bucket_name, query_params)
    return _original_versions(bucket_name, query_params)


HOOKS: Final[dict[str, Callable[..., Any]]] = {
    "_collect_list_entries": _collect_list_entries,
    "_list_object_versions": _list_object_versions,
}
"""ministack's functions that are replaced; each has the parameters of the original."""

from typing import Any

class _Scoped:
    _data: dict[tuple[str, Any], Any]

_buckets: _Scoped
_object_versions: _Scoped

async def handle_request(
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    query_params: dict[str, list[str]],
    signed_path: str | None = ...,
    enforce_bucket_region: bool = ...,
    internal: bool = ...,
) -> tuple[int, dict[str, str], bytes]: ...
def _collect_list_entries(
    bucket_objects: Any, prefix: str, delimiter: str, max_keys: int, start_after: str
) -> Any: ...
def _list_object_versions(bucket_name: str, query_params: dict[str, Any]) -> Any: ...

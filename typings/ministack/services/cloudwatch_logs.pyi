from typing import Any

class _Scoped:
    def get(self, key: str) -> dict[str, Any] | None: ...

_log_groups: _Scoped

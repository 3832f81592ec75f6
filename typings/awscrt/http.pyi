from collections.abc import Iterator

class HttpHeaders:
    def __init__(self, name_value_pairs: list[tuple[str, str]] | None = None) -> None: ...
    def __iter__(self) -> Iterator[tuple[str, str]]: ...

class HttpRequest:
    headers: HttpHeaders
    def __init__(
        self, method: str = "GET", path: str = "/", headers: HttpHeaders | None = None
    ) -> None: ...

"""What Firehose has delivered to S3, read on as it grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aws.clients import client

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


class Delivered:
    """The lines below a folder of a bucket.

    Args:
        bucket, folder: where a delivery stream writes.
        region, endpoint_url: of S3; no endpoint is AWS itself.
    """

    def __init__(
        self, bucket: str, folder: str, *, region: str, endpoint_url: str | None = None
    ) -> None:
        self._bucket = bucket
        self._folder = folder
        self._client: S3Client = client("s3", region=region, endpoint_url=endpoint_url)
        self._objects: set[str] = set()
        self._lines: set[int] = set()

    @property
    def count(self) -> int:
        """Different lines among what was read so far: delivery is at least once."""
        return len(self._lines)

    def read_on(self) -> int:
        """Read the objects that have come since the last call; returns `count`."""
        for line in self.new_lines():
            self._lines.add(hash(line))
        return self.count

    def new_lines(self) -> Iterator[bytes]:
        """The lines, without their ends, of objects that were not read yet."""
        pages: Any = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._folder
        )
        for page in pages:
            for item in page.get("Contents", ()):
                key = item["Key"]
                if key in self._objects:
                    continue
                self._objects.add(key)
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
                yield from filter(None, body.read().split(b"\n"))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

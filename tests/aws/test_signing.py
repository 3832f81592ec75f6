from __future__ import annotations

import datetime as dt

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from aws.signing import Signer

NOW = dt.datetime(2026, 11, 23, 23, 59, 59, tzinfo=dt.UTC)


def by_botocore(
    credentials: Credentials, headers: dict[str, str], body: bytes, now: dt.datetime
) -> dict[str, str]:
    request = AWSRequest(
        method="POST", url=f"https://{headers['Host']}/", data=body, headers=headers
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: now.replace(tzinfo=None))
        botocore.auth.SigV4Auth(credentials, "timestream", "eu-west-1").add_auth(request)
    return dict(request.headers.items())


@given(
    st.text("abc/+=XYZ0189", min_size=1, max_size=40),
    st.none() | st.text("abc/+=XYZ0189", min_size=1, max_size=400),
    st.binary(max_size=300),
    st.integers(0, 10**6),
)
def test_requests_are_signed_as_botocore_signs_them(
    secret: str, token: str | None, body: bytes, seconds: int
) -> None:
    now = NOW + dt.timedelta(seconds=seconds)
    credentials = Credentials("AKID", secret, token)
    headers = {
        "Host": "ingest-cell1.timestream.eu-west-1.amazonaws.com",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "Timestream_20181101.WriteRecords",
    }
    signer = Signer(credentials, "timestream", "eu-west-1")
    signed = signer.signed(headers, body, now=now)
    assert signed == by_botocore(credentials, headers, body, now)

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tepwatch.records import (
    Command,
    CommandKind,
    EventKind,
    Message,
    Origin,
    PlantEvent,
    Reading,
    Rejected,
    RejectReason,
    StreamRecord,
    time_ns,
)
from tepwatch.tags import XMEAS_IDS, XMV_IDS
from tepwatch.wire import EXTRA_BYTES_MAX, WirePolicy, decode, encode
from tests.plants import ARRIVAL_MS, message, reading

POLICY = WirePolicy()
ORIGIN = Origin("shard-0", "0", 0, ARRIVAL_MS)


def one(data: bytes, **options: str) -> StreamRecord | Rejected:
    (item,) = decode(message(data, **options), POLICY)
    return item


def reason(data: bytes) -> RejectReason:
    item = one(data)
    assert isinstance(item, Rejected)
    assert item.data == data
    assert item.message
    return item.reason


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False, width=64)
names = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=20)
heads = {
    "plant": names,
    "run": names | st.just(""),
    "seq": st.none() | st.integers(0, 2**63 - 1),
    "time_ms": st.integers(POLICY.earliest_ms, ARRIVAL_MS + POLICY.future_ms),
    "process_hours": st.none() | st.floats(0, 1e9),
    "origin": st.just(ORIGIN),
}
details = st.none() | st.dictionaries(names.map(lambda n: f"x{n}"), st.integers(), min_size=1).map(
    lambda fields: msgspec.json.encode(fields).decode()
)
readings = st.builds(
    Reading,
    xmeas=st.tuples(*[numbers] * 41).filter(lambda values: any(v is not None for v in values)),
    xmv=st.tuples(*[numbers] * 12),
    extra=st.none(),
    **heads,
)
events = st.builds(PlantEvent, event=st.sampled_from(EventKind), detail=details, **heads)
commands = st.builds(Command, command=st.sampled_from(CommandKind), detail=details, **heads)


@given(readings | events | commands)
def test_what_is_encoded_decodes_to_the_same(record: StreamRecord) -> None:
    assert one(encode(record)) == record


@given(
    st.binary(),
    st.text(),
    st.integers(0, 2**53),
)
def test_any_bytes_give_records_or_rejected_with_the_bytes(
    data: bytes, key: str, arrival_ms: int
) -> None:
    items = list(decode(Message(data, "s", "1", key, arrival_ms), POLICY))
    assert items
    lines = [line for line in data.split(b"\n") if line and not line.isspace()]
    for item in items:
        if isinstance(item, Rejected):
            assert item.data in (*lines, data)


@given(readings, st.data())
def test_a_mutilated_reading_is_a_record_or_rejected(record: Reading, data: st.DataObject) -> None:
    line = bytearray(encode(record))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(line) - 1))
        line[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=6))
    items = list(decode(message(bytes(line)), POLICY))
    assert all(isinstance(item, Reading | PlantEvent | Command | Rejected) for item in items)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["plant", "run", "seq", "time", "process_hours", "event", "command", "xmeas_1", "xmv_3"]
        ),
        json_values,
    )
)
def test_any_values_in_the_known_fields_give_a_record_or_rejected(
    fields: dict[str, object],
) -> None:
    (item,) = decode(message(msgspec.json.encode(fields)), POLICY)
    assert isinstance(item, Reading | PlantEvent | Command | Rejected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", RejectReason.EMPTY),
        (b" \n\n", RejectReason.EMPTY),
        (b"{", RejectReason.NOT_JSON),
        (b"\xff\xfe", RejectReason.NOT_JSON),
        (b'{"xmeas_1":"\xff"}', RejectReason.NOT_JSON),
        (b'{"xmeas_1":NaN}', RejectReason.NOT_JSON),
        (b'{"xmeas_1":-Infinity}', RejectReason.NOT_JSON),
        (b'{"xmeas_1":1e999}', RejectReason.NOT_JSON),
        (b"[" * 60_000, RejectReason.NOT_JSON),
        (b"[1]", RejectReason.NOT_AN_OBJECT),
        (b'{"xmeas_1":"1"}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":true}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":1,"seq":-1}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":1,"seq":1.5}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":1,"seq":99999999999999999999}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":1,"plant":7}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":1,"time":"yesterday"}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":1,"time":"2026-01-01T00:00:00"}', RejectReason.WRONG_TYPE),
        (b'{"xmeas_1":1,"plant":""}', RejectReason.PLANT_NAME),
        (b'{"xmeas_1":1,"plant":"a\\nb"}', RejectReason.PLANT_NAME),
        (b'{"xmv_1":1}', RejectReason.NO_MEASUREMENT),
        (b'{"xmeas_1":null}', RejectReason.NO_MEASUREMENT),
        (b"{}", RejectReason.NO_MEASUREMENT),
        (b'{"xmeas_1":1,"time":"1999-12-31T23:59:59Z"}', RejectReason.ABSURD_TIME),
        (b'{"xmeas_1":1,"time":"2126-01-01T00:00:00Z"}', RejectReason.ABSURD_TIME),
        (b'{"event":"earthquake"}', RejectReason.UNKNOWN_EVENT),
        (b'{"command":"explode"}', RejectReason.UNKNOWN_COMMAND),
        (b"\xf3\x89\x9a\xc2\x0a\x01", RejectReason.AGGREGATED),
        (b'{"xmeas_1":1,"x":"' + b"x" * 1_000_000 + b'"}', RejectReason.TOO_LARGE),
    ],
)
def test_bad_input_is_rejected_with_its_reason(data: bytes, expected: RejectReason) -> None:
    assert reason(data) == expected


def test_the_reference_systems_bare_message_takes_plant_time_and_order_from_the_stream() -> None:
    line = msgspec.json.encode({tag: number / 2 for number, tag in enumerate(XMEAS_IDS)})
    item = one(line, key="edge-7", sequence="4959")
    assert isinstance(item, Reading)
    assert (item.plant, item.run, item.seq, item.time_ms) == ("edge-7", "", None, ARRIVAL_MS)
    assert item.xmeas == tuple(number / 2 for number in range(41))
    assert item.xmv == (None,) * len(XMV_IDS)
    assert item.origin.sequence == "4959"


def test_missing_values_are_carried_as_missing() -> None:
    item = one(b'{"xmeas_1":1,"xmeas_2":null,"xmv_12":3}')
    assert isinstance(item, Reading)
    assert item.xmeas == (1.0,) + (None,) * 40
    assert item.missing_count == 40
    assert item.xmv[-1] == 3.0


def test_lines_of_one_stream_record_are_decoded_one_by_one() -> None:
    data = encode(reading(1)) + b"\nnonsense\n\n" + encode(reading(2)) + b"\n"
    first, second, third = decode(message(data), POLICY)
    assert isinstance(first, Reading)
    assert isinstance(second, Rejected)
    assert isinstance(third, Reading)
    assert [first.origin.line, second.origin.line, third.origin.line] == [0, 1, 3]


def test_unknown_fields_are_kept_up_to_a_size() -> None:
    item = one(b'{"xmeas_1":1,"operator":"Ada","shift":{"n":2}}')
    assert isinstance(item, Reading)
    assert item.extra == '{"operator":"Ada","shift":{"n":2}}'
    large = msgspec.json.encode({"xmeas_1": 1, "a": "x" * EXTRA_BYTES_MAX, "b": 1, "c": 2})
    item = one(large)
    assert isinstance(item, Reading)
    assert item.extra == '{"b":1,"c":2,"_dropped":1}'


@given(st.dictionaries(names.map(lambda n: f"x{n}"), json_values.filter(lambda v: v is not None)))
def test_extra_never_exceeds_its_size(fields: dict[str, object]) -> None:
    item = one(msgspec.json.encode({"xmeas_1": 1, **fields}))
    if isinstance(item, Reading) and item.extra is not None:
        assert len(item.extra.encode()) <= EXTRA_BYTES_MAX


def test_only_plants_of_the_list_are_accepted_where_one_is_set() -> None:
    policy = WirePolicy(plants=frozenset({"plant-1"}))
    line = b'{"xmeas_1":1,"plant":"plant-2"}'
    (item,) = decode(message(line), policy)
    assert isinstance(item, Rejected)
    assert item.reason == RejectReason.PLANT_NOT_ALLOWED
    (item,) = decode(message(b'{"xmeas_1":1}', key="plant-1"), policy)
    assert isinstance(item, Reading)


def test_keys_of_consecutive_readings_within_a_millisecond_differ() -> None:
    line = b'{"xmeas_1":1}'
    keys = set()
    # Kinesis counts in the high digits: consecutive numbers of a shard lie 2 ** 76 apart.
    for place in range(500):
        sequence = str(49_590_338_271_490_256_608_559_692 * 10**30 + place * 2**76)
        data = b"\n".join([line] * 3)
        for item in decode(message(data, sequence=sequence), POLICY):
            assert isinstance(item, Reading)
            keys.add(time_ns(item))
    assert len(keys) == 1500
    assert {key // 1_000_000 for key in keys} == {ARRIVAL_MS}

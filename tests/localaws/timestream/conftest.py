from collections.abc import Iterator

import pytest

from tests.localaws.timestream.house import House


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = House()
    yield house
    house.close()

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

class Leaf:
    def __init__(
        self, i: Hashable, d: int | None = ..., u: Branch | None = ..., x: Any = ..., n: int = ...
    ) -> None: ...
    b: NDArray[np.float64]
    n: int

class Branch:
    def __init__(self, q: int, p: float, u: Branch | None = ...) -> None: ...
    l: Branch | Leaf
    r: Branch | Leaf
    u: Branch | None
    b: NDArray[np.float64]
    n: int

class RCTree:
    def __init__(
        self, X: NDArray[np.float64] | None = ..., random_state: np.random.RandomState | None = ...
    ) -> None: ...
    root: Branch | Leaf
    leaves: dict[Hashable, Leaf]
    ndim: int
    def insert_point(self, point: NDArray[np.float64], index: Hashable) -> object: ...
    def forget_point(self, index: Hashable) -> object: ...
    def codisp(self, leaf: Hashable) -> float: ...

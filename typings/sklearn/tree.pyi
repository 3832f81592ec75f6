import numpy as np
from numpy.typing import NDArray

class Tree:
    node_count: int
    children_left: NDArray[np.int64]
    children_right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    value: NDArray[np.float64]

class ExtraTreeClassifier:
    tree_: Tree

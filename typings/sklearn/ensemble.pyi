from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import ExtraTreeClassifier

class ExtraTreesClassifier:
    classes_: NDArray[np.int64]
    estimators_: list[ExtraTreeClassifier]
    def __init__(
        self,
        n_estimators: int = ...,
        *,
        max_features: float | str | None = ...,
        class_weight: str | None = ...,
        random_state: int | None = ...,
        n_jobs: int | None = ...,
    ) -> None: ...
    def fit(self, X: NDArray[np.float32], y: Sequence[int]) -> ExtraTreesClassifier: ...
    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]: ...

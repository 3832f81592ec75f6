"""The trees of a Random Cut Forest: kernels on one buffer.

`layout` says where what lies, `boxes`, `edits` and `sampler` change trees, `scores`,
`attribution`, `displacement` and `imputation` ask them, `state` turns them into bytes and back.
Arguments are checked by `detection.forest`, not here.
"""

import tepwatch.kernels  # noqa: F401 - Numba can be imported everywhere only from there

"""Mean and variance of a stream, by which observations and rewards are scaled."""

import numpy as np
from numpy.typing import NDArray


class Running:
    """Mean and variance of all that was seen, per column (Chan et al. 1979)."""

    def __init__(self, size: int) -> None:
        self.count, self.mean, self.var = 0.0, np.zeros(size), np.ones(size)

    def see(self, rows: NDArray) -> None:
        count, mean, var = len(rows), rows.mean(0, dtype=np.float64), rows.var(0, dtype=np.float64)
        total, delta = self.count + count, mean - self.mean
        self.var = (self.var * self.count + var * count + delta**2 * self.count * count / total) / total
        self.mean, self.count = self.mean + delta * count / total, total

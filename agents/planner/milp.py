"""Linear programs with whole numbers, built row by row and solved with HiGHS through SciPy."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, OptimizeResult, milp
from scipy.sparse import coo_array

WHOLE_TO = 1e-6
"""A variable this close to a whole number is one."""
EXACT_TO = 1e-6
"""Share of the optimum by which a proven one may differ from it."""
NEAR = 0.6
"""Fractions from here on are rounded up together, to solve less often; below it, the greatest alone."""


class Solution(NamedTuple):
    """The values (V,) of the variables, the objective there, and the bound of the linear relaxation on it."""

    values: NDArray[np.float64]
    objective: float
    bound: float

    @property
    def gap(self) -> float:
        """How far the objective stays behind the bound, relative to the bound."""
        return max(0.0, self.bound - self.objective) / max(abs(self.bound), 1e-9)


def fractional(values: NDArray) -> NDArray[np.bool_]:
    return np.abs(values - np.round(values)) > WHOLE_TO


class Program:
    """Maximise gains under rows of at most (or of exactly) so much; variables lie in [0, most]."""

    def __init__(self) -> None:
        self._gains: list[NDArray] = []
        self._most: list[NDArray] = []
        self._whole: list[NDArray] = []
        self._columns: list[NDArray] = []
        self._rows: list[NDArray] = []
        self._factors: list[NDArray] = []
        self._low: list[NDArray] = []
        self._high: list[NDArray] = []
        self._count = 0
        self.variables = 0

    def add(self, gains: ArrayLike, most: float = 1.0, whole: bool = True) -> NDArray[np.int64]:
        """New variables, one for each of `gains`; their numbers."""
        gains = np.atleast_1d(np.asarray(gains, float))
        first, self.variables = self.variables, self.variables + len(gains)
        self._gains.append(gains)
        self._most.append(np.full(len(gains), most))
        self._whole.append(np.full(len(gains), int(whole)))
        return np.arange(first, self.variables)

    def rows(
        self,
        places: ArrayLike,
        columns: ArrayLike,
        factors: ArrayLike,
        high: ArrayLike,
        low: ArrayLike = -np.inf,
    ) -> None:
        """New rows, low <= sum of factors x variables <= high; entry i belongs to row `places[i]` of them."""
        high = np.atleast_1d(np.asarray(high, float))
        places, columns = np.asarray(places, np.int64), np.asarray(columns, np.int64)
        self._rows.append(places + self._count)
        self._columns.append(columns)
        self._factors.append(np.broadcast_to(np.asarray(factors, float), columns.shape))
        self._low.append(np.broadcast_to(np.asarray(low, float), high.shape))
        self._high.append(high)
        self._count += len(high)

    def solve(self) -> Solution:
        """Relaxed first; where that leaves fractions, by diving: round up, and relax the rest again.

        There is no limit of time in it, so that a run can be repeated; `Solution.gap` says what the rounding
        cost at most.
        """
        if not self.variables:
            return Solution(np.zeros(0), 0.0, 0.0)
        most, whole = np.concatenate(self._most), np.concatenate(self._whole)
        gains, least = np.concatenate(self._gains), np.zeros(self.variables)
        # what pays leads: a way there then follows
        weight = whole * np.select([gains > 0.0, gains < 0.0], [1.0, 0.1], 0.01)
        found = relaxed = self._solve(least, most)
        while (fractions := fractional(found.x) * whole).any():
            near = fractions * found.x
            first = (near * weight).argmax()
            up = (found.x * whole >= NEAR) & (gains > 0.0)
            up[first] = True
            tried = self._solve(np.where(up, 1.0, least), most)
            if tried.x is None:
                most[first] = 0.0  # it cannot be had whole
                tried = self._solve(least, most)
            else:
                least[up] = 1.0
            found = tried
        return Solution(found.x, -found.fun, -relaxed.fun)

    def exact(self) -> Solution:
        """The optimum in whole numbers, proven by branch and bound: for small programs only."""
        if not self.variables:
            return Solution(np.zeros(0), 0.0, 0.0)
        least, most = np.zeros(self.variables), np.concatenate(self._most)
        found = self._solve(least, most, np.concatenate(self._whole))
        return Solution(found.x, -found.fun, -self._solve(least, most).fun)

    def relax(self) -> Solution:
        """The linear relaxation alone."""
        relaxed = self._solve(np.zeros(self.variables), np.concatenate(self._most))
        return Solution(relaxed.x, -relaxed.fun, -relaxed.fun)

    def _solve(self, least: NDArray, most: NDArray, whole: NDArray | None = None) -> OptimizeResult:
        rows = []
        if self._count:
            places = np.concatenate(self._rows), np.concatenate(self._columns)
            matrix = coo_array((np.concatenate(self._factors), places), (self._count, self.variables)).tocsc()
            rows = [LinearConstraint(matrix, np.concatenate(self._low), np.concatenate(self._high))]
        gains, bounds = np.concatenate(self._gains), Bounds(least, most)
        gap = {"mip_rel_gap": EXACT_TO}
        return milp(-gains, bounds=bounds, constraints=rows, integrality=whole, options=gap)

"""Encounters whose collision probability is published."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sandbox.conjunctions import covariance_from_rtn

HERE = Path(__file__).resolve().parent


class Case(NamedTuple):
    """An encounter with its published probabilities; states (6,) m and m/s, covariances (6, 6), inertial."""

    number: int
    state1: np.ndarray
    cov1: np.ndarray
    state2: np.ndarray
    cov2: np.ndarray
    hard_body_radius: float
    linear: float
    simulated: float

    @property
    def encounter(self):
        return self.state1, self.cov1, self.state2, self.cov2


def _object(data):
    state, covariance = 1e3 * np.array(data["state"]), np.zeros((6, 6))
    covariance[np.tril_indices(6)] = data["covariance"]
    covariance = covariance + np.tril(covariance, -1).T
    return state, covariance_from_rtn(covariance, state[:3], state[3:])


def alfano_cases() -> list[Case]:
    """Alfano (2009), AAS 09-233, the eleven with a short-encounter value."""
    data = json.loads((HERE / "alfano_2009.json").read_text())
    return [
        Case(
            each["case"],
            *_object(each["objects"][0]),
            *_object(each["objects"][1]),
            each["hard_body_radius"],
            each["linear"],
            each["simulated"],
        )
        for each in data["cases"]
    ]

"""The fields of an event: a disaster with its requests and its questions."""

from typing import Annotated, Literal

from pydantic import Field

from sandbox.bounds import MOST_LISTED, HoursAhead, Name
from sandbox.scenario.demand import Questions
from sandbox.scenario.fields import Hours, Latitude, Lifetimes, Longitude, Model, Share, Values


class UrgentRequests(Model):
    """Requests that an event opens at once: their number, values, lifetimes and mean forecast of cloud."""

    count: Annotated[int, Field(ge=1, le=100_000)]
    value: Values
    lifetime_h: Lifetimes
    cloud_mean: Share = 0.5


class RescueQuestions(Questions):
    """Questions that rescue teams ask at `per_hour` for `duration_h` from the event on."""

    duration_h: HoursAhead


class Event(Model):
    """A disaster that strikes `radius_km` around a place, at a time of the episode drawn from `at_h`.

    From then on there are its requests and its questions, all from within the radius, and the stations of
    `stations_lost` are silent for `stations_lost_h`, in problems in which things break (`autonomy_v0` and
    `operations_v0`). An event later than the horizon does not happen.
    """

    name: Name
    kind: Literal["earthquake", "flood"]
    latitude_deg: Latitude
    longitude_deg: Longitude
    radius_km: Annotated[float, Field(gt=0, le=20_000)]
    at_h: Hours
    requests: UrgentRequests | None = None
    questions: RescueQuestions | None = None
    stations_lost: Annotated[tuple[Name, ...], Field(max_length=MOST_LISTED)] = ()
    stations_lost_h: HoursAhead = 24.0

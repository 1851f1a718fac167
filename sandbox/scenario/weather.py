"""The fields of the sky over the ground stations."""

from typing import Annotated, Literal

from pydantic import Field

from sandbox.bounds import HoursAhead
from sandbox.scenario.fields import Model


class Weather(Model):
    """What the air does to the radio links of the stations: `sandbox.radio` and `sandbox.weather`.

    `gases`: oxygen and water vapour, by elevation. `rain`: cloud and rain come and go over every station, by
    the climate of its place (or its own `rain_mm_h` and `rain_percent`), in the shares of time of an average
    year or of its `worst_month`. The sky keeps its state for about `persistence_min`; the default is what
    ITU-R P.1853-1 gives for rain attenuation, 1 / (2e-4 /s). What is forecast on board loses its skill in
    `forecast_h`, by e: assumed, from the several hours for which patterns of rain over a continent persist
    (Germann and Zawadzki 2002).
    """

    gases: bool = True
    rain: bool = False
    season: Literal["year", "worst_month"] = "year"
    persistence_min: Annotated[float, Field(ge=1, le=10_000)] = 83.0
    forecast_h: HoursAhead = 5.0

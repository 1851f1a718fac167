"""How large the numbers of a scenario may be, and why.

Two kinds of bounds. Each field has its own, which no real mission comes near: beyond them numbers overflow,
or one step takes for ever. What several of them lead to together (satellites x requests x worlds, hours x
objects, rounds x substeps) is estimated before memory or time is spent on it: see `World`.
"""

from typing import Annotated

from pydantic import Field

MOST_SATELLITES = 100_000
"""More than have ever been in orbit (about 15,000 active) or are filed for by any one constellation."""
MOST_NAMED = 100_000
"""Of sites, satellites and whatever else is listed one by one: a file of some 10 MB."""
MOST_LISTED = 10_000
"""Of groups, stations, events and planned outages, each of which is looked at in every round."""
MOST_TIERS = 100
"""Of service: nobody tells more kinds of customers apart."""
MOST_HOURS = 10 * 366 * 24.0
"""Ten years: of an episode and of the time before it. The tables of Sun and Earth take 200 B an hour and
5 ms a day; the J2 mean motion has by then drifted by more than any task here would notice."""
MOST_WAIT_H = 1e6
"""A century: for lifetimes, deadlines, outages and whatever else may outlast the episode."""
MOST_WAIT_S = 4e9
"""The same in seconds."""
SHORTEST_SUBSTEP_S = 1e-3
"""Nothing on board is modelled that changes within a millisecond."""
MOST_TOKENS = 10_000_000
"""Of a prompt or an answer: ten times the longest context in use."""
MOST_BOARDS = 10_000
"""A data centre; each board of each satellite has a queue of its own."""
MOST_NUMBER, LEAST_NUMBER = 1e12, 1e-9
"""Of a quantity (kg, m2, W, bit/s in mega): within them no product or quotient of a few overflows."""
MOST_WATTS = 1e9
"""A thousand times the largest station in orbit."""
MOST_ISP_S = 30_000.0
"""Twice the most that gridded ion engines reached in the laboratory."""
MOST_DECIBELS = 300.0
"""Of gains and powers: a factor of 1e30 either way."""
EARLIEST_YEAR, LATEST_YEAR = 1957, 2199
"""From the first satellite to a century past the span that the Sun's series is fitted to (1900 to 2100)."""
FARTHEST_KM = 1e6
"""The Earth's sphere of influence ends at 925,000 km: beyond, the Sun's pull is no perturbation."""
FASTEST_KM_S = 100.0
"""Nothing bound to the Earth is faster than 11.2 km/s; interstellar objects pass at under 100."""
WIDEST_WATCH_KM = 1_000.0
"""Ten times the screening volume of any operator; every pair within it is kept."""

MOST_AHEAD, MOST_AHEAD_MIN = 100, 120.0
"""Requests told beforehand, each put in its place in a list, and how long beforehand."""
MOST_WORLDS, MOST_SHOWN, MOST_THREADS = 1_000_000, 10_000, 1_024
"""Of a batch, of the opportunities in an outlook (no satellite has more), and of threads."""
MOST_MESSAGE_BYTES = 1_000_000
"""Of a message to the neighbours: longer than any of a few tokens or numbers."""
MOST_SUBSTEPS_A_ROUND = 1e9
"""Worlds x satellites x substeps: minutes of computing for one round."""
MOST_LOOKS_A_ROUND = 1e12
"""Worlds x satellites x (requests + stations): each round every satellite looks for each, in about 1 ns."""
MOST_SCREENED = 1e11
"""Objects x minutes of the screening of a population: hours of computing."""

Count = Annotated[int, Field(ge=1, le=MOST_NAMED)]
Index = Annotated[int, Field(ge=0, le=MOST_NAMED)]
Positive = Annotated[float, Field(ge=LEAST_NUMBER, le=MOST_NUMBER)]
NotNegative = Annotated[float, Field(ge=0, le=MOST_NUMBER)]
Watts = Annotated[float, Field(ge=0, le=MOST_WATTS)]
Decibels = Annotated[float, Field(ge=-MOST_DECIBELS, le=MOST_DECIBELS)]
Seconds = Annotated[float, Field(ge=LEAST_NUMBER, le=MOST_WAIT_S)]
SecondsOrNone = Annotated[float, Field(ge=0, le=MOST_WAIT_S)]
HoursAhead = Annotated[float, Field(ge=LEAST_NUMBER, le=MOST_WAIT_H)]
HoursOrNone = Annotated[float, Field(ge=0, le=MOST_WAIT_H)]
Name = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]

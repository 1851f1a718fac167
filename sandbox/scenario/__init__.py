"""What a world is made of: validated models, named scenarios, YAML files.

    load_scenario("scs01")                        a named scenario
    load_scenario("mine.yaml")                    a file of your own
    load_scenario({...})                          the same as a dictionary
    load_scenario("active.tle")                   the objects of a catalogue file, in the place of scs01
    load_scenario("active.tle", {"catalogue.select": ["ISS (ZARYA)", 20580]})    two of them, or
    load_scenario("active.tle", {"catalogue.first": 40})                         the first 40 that fly
    load_scenario("scs01", {"horizon_h": 2.0, "requests.initial": 64})   with fields replaced

A file or dictionary may begin with `extends: NAME`, a named scenario or a file beside it: its fields are
laid over that scenario's, mapping by mapping; a list or a value replaces the other's whole.

A catalogue (TLE, 3LE, or OMM as JSON, CSV, XML or KVN) is known by its content, whatever the file is called.
An object of it that is damaged, has decayed or has elements too old for the epoch is left out with a warning.

Field names carry their units; `sandbox.bounds` says how large the numbers may be. From Python a field may be
an astropy Quantity, the epoch a Time. A field that is unknown, missing or out of range is one `SandboxError`
that names the file, the field, the value and what would be right.

| file | fields of |
| --- | --- |
| `schema` | a whole `Scenario`, its forces and stations |
| `spacecraft` | a kind of satellite, subsystem by subsystem |
| `fleet` | groups of satellites and their orbits |
| `demand` | requests and jobs |
| `kinds` | kinds of requests, and the clouds over them |
| `weather` | the sky over the stations |
| `hazards` | encounters, faults and safe mode |
| `events` | disasters |
| `orders` | orders in words from ground control |
| `fields` | what several of them share |

`loading` makes a scenario from a name, a file or a dictionary: `files` finds and reads it, `layers` lays it
over what it extends, `replacing` sets single fields, `renamed` knows the names that fields had before,
`mistakes` says what is wrong.
"""

from sandbox.scenario.demand import Customers, JobKind, Jobs, Questions, Requests, ServiceTier, Site
from sandbox.scenario.events import Event, RescueQuestions, UrgentRequests
from sandbox.scenario.fields import (
    Altitude,
    Angle,
    Efficiency,
    Hours,
    Inclination,
    Latitude,
    Lifetimes,
    Longitude,
    Model,
    Range,
    Share,
    Values,
)
from sandbox.scenario.files import CATALOGUES, FOLDER, scenario_names
from sandbox.scenario.fleet import (
    LOWEST_KM,
    SOURCES,
    Catalogued,
    Classical,
    Group,
    Keplerian,
    MeanElements,
    StateVector,
    SunSynchronous,
    Walker,
)
from sandbox.scenario.hazards import Encounters, Faults, Outage, SafeMode
from sandbox.scenario.kinds import (
    AreaKind,
    Campaign,
    Clouds,
    CueKind,
    DwellKind,
    Kinds,
    PeriodicKind,
    StereoKind,
)
from sandbox.scenario.layers import LONGEST_CHAIN
from sandbox.scenario.loading import load_scenario
from sandbox.scenario.orders import OrderKinds, Orders
from sandbox.scenario.replacing import MOST_STEPS
from sandbox.scenario.schema import Forces, Gravity, Scenario, Station
from sandbox.scenario.spacecraft import (
    Attitude,
    Body,
    Camera,
    Compute,
    Lasers,
    Power,
    Propulsion,
    Radio,
    Spacecraft,
    Thermal,
)
from sandbox.scenario.weather import Weather

__all__ = [
    "CATALOGUES",
    "FOLDER",
    "LONGEST_CHAIN",
    "LOWEST_KM",
    "MOST_STEPS",
    "SOURCES",
    "Altitude",
    "Angle",
    "AreaKind",
    "Attitude",
    "Body",
    "Camera",
    "Campaign",
    "Catalogued",
    "Classical",
    "Clouds",
    "Compute",
    "CueKind",
    "Customers",
    "DwellKind",
    "Efficiency",
    "Encounters",
    "Event",
    "Faults",
    "Forces",
    "Gravity",
    "Group",
    "Hours",
    "Inclination",
    "JobKind",
    "Jobs",
    "Keplerian",
    "Kinds",
    "Lasers",
    "Latitude",
    "Lifetimes",
    "Longitude",
    "MeanElements",
    "Model",
    "OrderKinds",
    "Orders",
    "Outage",
    "PeriodicKind",
    "Power",
    "Propulsion",
    "Questions",
    "Radio",
    "Range",
    "Requests",
    "RescueQuestions",
    "SafeMode",
    "Scenario",
    "ServiceTier",
    "Share",
    "Site",
    "Spacecraft",
    "StateVector",
    "Station",
    "StereoKind",
    "SunSynchronous",
    "Thermal",
    "UrgentRequests",
    "Values",
    "Walker",
    "Weather",
    "load_scenario",
    "scenario_names",
]

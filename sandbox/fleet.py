"""From a scenario to arrays: spacecraft and stations as records, satellites with names and first states."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from sandbox.bounds import MOST_SATELLITES
from sandbox.compute import board
from sandbox.errors import SandboxError, printable, shown, unknown_name
from sandbox.orbits import constellations
from sandbox.orbits.bodies import J2, J3, J4, LOWEST_M, MU_EARTH, R_EARTH
from sandbox.orbits.catalogue import Catalogue, from_mean_elements
from sandbox.orbits.catalogue_drag import catalogue_ballistic
from sandbox.orbits.decay import flying
from sandbox.orbits.elements import coe2rv
from sandbox.orbits.frames import geodetic_to_itrs
from sandbox.orbits.gravity import gravity_field
from sandbox.orbits.poliastro import from_orbits
from sandbox.orbits.propagation import Forces
from sandbox.orbits.timescales import julian_date
from sandbox.power import BODY_PANEL, TRACKING_PANEL
from sandbox.scenario import Classical, Group, Scenario, Spacecraft, Station, Walker
from sandbox.structured import structured
from sandbox.units import GIGA, HOUR, KELVIN

CRAFT = structured(
    [
        ("ballistic", "f8"),  # Cd A / m, m2/kg
        ("panel_area", "f8"),
        ("panel_efficiency", "f8"),  # of the whole area, all losses counted but that of warm cells
        ("cell_loss", "f8"),  # share of the power a kelvin above 28 degC
        ("cell_cold", "f8"),  # K, of the cells in shadow and in full sunlight
        ("cell_hot", "f8"),
        ("panel_mount", "i8"),
        ("battery", "f8"),  # J
        ("charge_low", "f8"),
        ("charge_high", "f8"),
        ("charge_efficiency", "f8"),
        ("discharge_efficiency", "f8"),
        ("fade_per_cycle", "f8"),
        ("health", "f8"),  # share of its nominal capacity that the battery has at first
        ("cycle_fade", "f8"),  # share of it that a cycle of full depth costs
        ("cycle_exponent", "f8"),
        ("base_load", "f8"),  # W, bus and boards under their standing load
        ("compute_load", "f8"),  # of it, the boards
        ("idle_load", "f8"),  # of that, what they draw however hot they are
        ("board_power", "f8"),  # W of all boards at full power
        ("slew_load", "f8"),
        ("camera_load", "f8"),
        ("transmitter_load", "f8"),
        ("heater_load", "f8"),
        ("heat_capacity", "f8"),  # J/K
        ("board_capacity", "f8"),  # J/K
        ("board_conductance", "f8"),  # W/K from the boards to the body
        ("board_rise", "f8"),  # K, of the boards at full power above the body
        ("board_throttle", "f8"),  # K
        ("board_shutdown", "f8"),
        ("radiator_area", "f8"),
        ("emissivity", "f8"),
        ("absorptivity", "f8"),
        ("sun_area", "f8"),
        ("earth_area", "f8"),
        ("initial_temperature", "f8"),  # K
        ("heater_below", "f8"),
        ("throttle_above", "f8"),
        ("shutdown_above", "f8"),
        ("slew_rate", "f8"),  # rad/s
        ("slew_acceleration", "f8"),
        ("settle", "f8"),
        ("max_off_nadir", "f8"),
        ("dwell", "f8"),
        ("image_bits", "f8"),
        ("min_sun_sine", "f8"),
        ("radio", "i8"),  # number of its kind in the tables of `radio.Radios`
        ("store_bits", "f8"),
    ]
)

STATION = structured(
    [
        *((name, "f8") for name in ("x", "y", "z", "ux", "uy", "uz")),  # ITRS position, geodetic zenith
        ("sin_mask", "f8"),
        ("antennas", "i8"),
    ]
)


@dataclass(frozen=True)
class Fleet:
    """The satellites of a scenario, in the order of its groups.

    `position` and `velocity` (N, 3) are GCRS at the epoch; `sgp4` has, for each group with that propagator,
    the numbers of its satellites and the catalogue that flies them.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...]
    kinds: tuple[str, ...]
    craft: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    sgp4: tuple[tuple[np.ndarray, Catalogue], ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def flown_kinds(self) -> tuple[str, ...]:
        """The kinds of spacecraft that fly, by the number of their radio."""
        return tuple(dict.fromkeys(self.kinds))


def make_fleet(scenario: Scenario) -> Fleet:
    """Names, spacecraft records and states at the epoch of every satellite of `scenario` that is to fly.

    Objects of a catalogue that cannot fly at the epoch are left out (`orbits.decay.flying`). Raises
    SandboxError, with the group, for other satellites that cannot be placed, a name that two of them bear,
    and a name in `scenario.satellites` that none does.
    """
    placed = [_place(group, scenario.epoch) for group in scenario.fleet]
    everyone = [name for own, *_ in placed for name in own]
    twice = [name for name, count in Counter(everyone).items() if count > 1]
    if twice:
        raise SandboxError(
            f"Two satellites of {printable(scenario.name)} are called {shown(twice[0])}; give each its own "
            "name."
        )
    left_out = {each.name: each.why for *_, own in placed if own for each in own.left_out}
    for name in set(scenario.satellites or ()).difference(everyone):
        if name in left_out:
            raise SandboxError(f"Satellite {name!r} was left out: {left_out[name]}")
        raise unknown_name("satellite", name, everyone)
    wanted = set(scenario.satellites or everyone)
    if len(wanted) > MOST_SATELLITES:
        raise SandboxError(
            f"{printable(scenario.name)} has {len(wanted):,} satellites; {MOST_SATELLITES:,} is the most."
        )
    names: list[str] = []
    groups, kinds, positions, velocities, sgp4, slowed = [], [], [], [], [], []
    for group, (own, position, velocity, catalogue) in zip(scenario.fleet, placed, strict=True):
        kept = [i for i, name in enumerate(own) if name in wanted]
        if catalogue is not None and kept:
            numbers = np.arange(len(names), len(names) + len(kept))
            theirs = replace(catalogue, sets=tuple(catalogue.sets[i] for i in kept), left_out=())
            if group.propagator == "sgp4":
                sgp4.append((numbers, theirs))
            elif scenario.forces.drag == "catalogue":
                slowed.append((numbers, theirs, (position[kept], velocity[kept])))
        names += [own[i] for i in kept]
        groups += [group.name] * len(kept)
        kinds += [group.spacecraft] * len(kept)
        positions.append(position[kept])
        velocities.append(velocity[kept])
    flying_kinds = {kind: number for number, kind in enumerate(dict.fromkeys(kinds))}
    records = {kind: _craft_record(scenario.spacecraft[kind], radio) for kind, radio in flying_kinds.items()}
    craft = np.array([records[kind] for kind in kinds], CRAFT)
    for numbers, catalogue, there in slowed:
        craft["ballistic"][numbers] = catalogue_ballistic(catalogue, *there, craft["ballistic"][numbers[0]])
    return Fleet(
        tuple(names),
        tuple(groups),
        tuple(kinds),
        craft,
        np.concatenate(positions),
        np.concatenate(velocities),
        tuple(sgp4),
    )


def station_records(stations: tuple[Station, ...]) -> np.ndarray:
    """Stations as records (G,) of dtype STATION."""
    latitude = np.radians([s.latitude_deg for s in stations])
    longitude = np.radians([s.longitude_deg for s in stations])
    place = geodetic_to_itrs(latitude, longitude, np.array([s.altitude_m for s in stations]))
    records = np.zeros(len(stations), STATION)
    for axis, name in enumerate("xyz"):
        records[name] = place[:, axis]
        records["u" + name] = zenith(latitude, longitude)[:, axis]
    records["sin_mask"] = np.sin(np.radians([s.min_elevation_deg for s in stations]))
    records["antennas"] = [s.antennas for s in stations]
    return records


def zenith(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    """Geodetic zenith (..., 3), ITRS, at geodetic `latitude` and `longitude` (rad)."""
    flat = np.cos(latitude)
    return np.stack((flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)), axis=-1)


LEAST_SCALES = 1e7, 1e4
"""m and m/s: those of all fleets in low orbit, whichever they are."""
SCALE_MARGIN = 1.05
"""Beyond the osculating apsides at the epoch: J2, the Moon and the Sun move them by less in a few months."""


def orbit_scales(fleet: Fleet, burn_m_s: float, seconds: float) -> tuple[float, float]:
    """A distance from the geocentre (m) and a speed (m/s) that no satellite exceeds within `seconds`.

    From the apogee and perigee of each, whichever way it burns all of `burn_m_s`; one that is not bound flies
    away at its speed. At least `LEAST_SCALES`: fleets in low orbit have the same.
    """
    radius, speed = np.linalg.norm(fleet.position, axis=-1), np.linalg.norm(fleet.velocity, axis=-1)
    fast = speed + burn_m_s
    momentum = np.linalg.norm(np.cross(fleet.position, fleet.velocity), axis=-1)
    least = np.maximum(momentum - radius * burn_m_s, 0.0)
    energy = 0.5 * fast**2 - MU_EARTH / radius
    axis = 0.5 * MU_EARTH / np.maximum(-energy, 1e-9)
    eccentricity = np.sqrt(np.maximum(1.0 - least**2 / (MU_EARTH * axis), 0.0))
    farthest = np.minimum(axis * (1.0 + eccentricity), radius + fast * seconds)
    lowest = np.where(energy < 0.0, axis * (1.0 - eccentricity), radius)
    lowest = np.maximum(np.minimum(lowest, radius), R_EARTH)
    fastest = np.sqrt(2.0 * np.maximum(energy + MU_EARTH / lowest, 0.0))
    return (
        max(LEAST_SCALES[0], SCALE_MARGIN * float(farthest.max())),
        max(LEAST_SCALES[1], SCALE_MARGIN * float(fastest.max())),
    )


def force_model(scenario: Scenario) -> Forces:
    """The scenario's switches as the coefficients that the compiled propagator takes."""
    switch, gravity = scenario.forces, scenario.forces.gravity
    return Forces(
        j2=J2 if switch.j2 or gravity else 0.0,
        j3=J3 if switch.j3 or gravity else 0.0,
        j4=J4 if switch.j4 or gravity else 0.0,
        drag=bool(switch.drag),
        sun=switch.sun,
        moon=switch.moon,
        density_factor=switch.density_factor,
        field=gravity_field(gravity.degree, gravity.order) if gravity else None,
    )


def fleet_of_orbits(
    scenario: Scenario, orbits: Sequence[Any], names: Sequence[str] | None, spacecraft: str, group: str
) -> dict[str, Any]:
    """The fields of a group of satellites on these boinor orbits at the epoch of `scenario`."""
    if spacecraft not in scenario.spacecraft:
        raise unknown_name("spacecraft", spacecraft, scenario.spacecraft)
    if isinstance(names, str) or (names is not None and len(names) != len(orbits)):
        raise SandboxError(f"{len(orbits)} orbits have names = {names!r:.60}; give a list of as many names.")
    ballistic = float(_craft_record(scenario.spacecraft[spacecraft])["ballistic"])
    position, velocity = from_orbits(orbits, scenario.epoch, force_model(scenario), ballistic)
    states = [
        {"name": name, "position_km": p, "velocity_km_s": v}
        for name, p, v in zip(
            names or [f"{group} {i + 1}" for i in range(len(orbits))],
            (position / 1e3).tolist(),
            (velocity / 1e3).tolist(),
            strict=True,
        )
    ]
    return {"name": group, "spacecraft": spacecraft, "states": states}


def sgp4_states(
    fleet: Fleet,
    epoch: datetime,
    seconds: float,
    position: np.ndarray,
    velocity: np.ndarray,
    before: np.ndarray | None = None,
) -> None:
    """Write SGP4's GCRS states at `seconds` after the epoch into (N, 3) arrays, where SGP4 flies them.

    What the arrays hold is kept for satellites that were already lost by their positions `before` (N, 3). One
    that SGP4 gives up on from now on has come down: it is put just below `LOWEST_M`, where the world loses
    it, under the place that its array holds.
    """
    when = epoch + timedelta(seconds=seconds)
    for which, catalogue in fleet.sgp4:
        codes, there, moving = catalogue.propagate(*julian_date(when))
        up = codes[:, 0] == 0
        if before is not None:
            up &= np.linalg.norm(before[which], axis=-1) >= LOWEST_M
        position[which[up]], velocity[which[up]] = there[up, 0], moving[up, 0]
        if not up.all():
            _bring_down(position, which[~up])


def _bring_down(position: np.ndarray, which: np.ndarray) -> None:
    """Put those that are still above `LOWEST_M` a metre below it, on the same radius."""
    distance = np.linalg.norm(position[which], axis=-1, keepdims=True)
    position[which] *= np.minimum(1.0, (LOWEST_M - 1.0) / distance)


_Placed = tuple[list[str], np.ndarray, np.ndarray, Catalogue | None]


def _place(group: Group, epoch: datetime) -> _Placed:
    try:
        return _placed(group, epoch)
    except SandboxError as error:
        raise SandboxError(f"fleet group {shown(group.name)}: {error}") from None


def _placed(group: Group, epoch: datetime) -> _Placed:
    """Names, positions and velocities of a group, and its catalogue if it has one."""
    if group.states is not None:
        names = [s.name for s in group.states]
        position = np.array([s.position_km for s in group.states]) * 1e3
        return names, position, np.array([s.velocity_km_s for s in group.states]) * 1e3, None
    if group.classical is not None:
        return [c.name for c in group.classical], *_classical_states(group.classical), None
    catalogue = _catalogue(group)
    if catalogue is not None:
        return _in_orbit(catalogue, group, epoch)
    elements = _mean_elements(group, epoch)
    if group.keplerian is not None:
        names = [k.name for k in group.keplerian]
    else:
        names = [f"{group.name} {i + 1}" for i in range(len(elements))]
    return names, *constellations.states(elements), None


def _in_orbit(catalogue: Catalogue, group: Group, epoch: datetime) -> _Placed:
    """Those of a catalogue that fly at the epoch, by names that do not depend on who does."""
    names = dict(zip(map(id, catalogue.sets), catalogue.distinct_names(), strict=True))
    wanted = group.catalogue
    there = flying(catalogue, epoch, strict=wanted is not None and wanted.strict)
    if wanted is not None and wanted.first is not None:
        there = there.first(wanted.first)
    if not there.sets:
        gone = there.left_out[-1].why
        raise SandboxError(
            f"{there.source}: no object is left that flies at the epoch {epoch:%Y-%m-%d %H:%M} UTC, of "
            f"{len(catalogue):,}; {gone}: set another epoch or take newer elements."
        )
    return [names[id(each)] for each in there.sets], *there.states(epoch), there


def _classical_states(rows: Sequence[Classical]) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities (N, 3) of osculating elements, by boinor's `coe2rv`."""
    states = [
        coe2rv(
            MU_EARTH,
            row.a_km * 1e3 * (1 - row.ecc**2),
            row.ecc,
            *np.radians([row.inc_deg, row.raan_deg, row.argp_deg, row.nu_deg]),
        )
        for row in rows
    ]
    return np.array([position for position, _ in states]), np.array([velocity for _, velocity in states])


def _catalogue(group: Group) -> Catalogue | None:
    if group.elements is not None:
        return from_mean_elements([row.model_dump() for row in group.elements])
    return None if group.catalogue is None else group.catalogue.read()


def walker_elements(walker: Walker) -> np.ndarray:
    """Mean elements (N, 6), in m and rad, of a scenario's shell. Raises SandboxError as `walker_delta`."""
    build = constellations.walker_delta if walker.pattern == "delta" else constellations.walker_star
    return build(
        walker.total,
        walker.planes,
        walker.phasing,
        walker.altitude_km * 1e3,
        np.radians(walker.inclination_deg),
        np.radians(walker.raan_deg),
    )


def _mean_elements(group: Group, epoch: datetime) -> np.ndarray:
    if group.walker is not None:
        return walker_elements(group.walker)
    if group.sun_synchronous is not None:
        s = group.sun_synchronous
        hours, planes = list(s.local_time_h), len(s.local_time_h)
        return constellations.sun_synchronous(
            s.total, planes, s.altitude_km * 1e3, hours, epoch, phasing=s.phasing
        )
    assert group.keplerian is not None  # a Group has exactly one source
    return np.array(
        [
            [
                k.semi_major_axis_km * 1e3,
                k.eccentricity,
                *np.radians([k.inclination_deg, k.raan_deg, k.argp_deg, k.mean_anomaly_deg]),
            ]
            for k in group.keplerian
        ]
    )


def _craft_record(craft: Spacecraft, radio: int = 0) -> np.void:
    body, power, thermal, attitude, camera = (
        craft.body, craft.power, craft.thermal, craft.attitude, craft.camera,
    )  # fmt: skip
    record: Any = np.zeros((), CRAFT)
    values = {
        "ballistic": body.drag_coefficient * body.drag_area_m2 / body.mass_kg,
        "panel_area": power.panel_area_m2,
        "panel_efficiency": power.delivered_efficiency,
        "cell_loss": power.cell_loss_per_k,
        "cell_cold": power.cell_cold_c + KELVIN,
        "cell_hot": power.cell_hot_c + KELVIN,
        "panel_mount": TRACKING_PANEL if power.panel_mount == "tracking" else BODY_PANEL,
        "battery": power.battery_wh * HOUR,
        "charge_low": power.initial_charge[0],
        "charge_high": power.initial_charge[1],
        "charge_efficiency": power.charge_efficiency,
        "discharge_efficiency": power.discharge_efficiency,
        "fade_per_cycle": power.fade_per_cycle,
        "health": power.battery_health,
        "cycle_fade": power.cycle_fade,
        "cycle_exponent": power.cycle_exponent,
        "base_load": power.bus_w + power.compute_w,
        "slew_load": power.slew_w,
        "camera_load": power.camera_w,
        "transmitter_load": power.transmitter_w,
        "heater_load": power.heater_w,
        "heat_capacity": thermal.heat_capacity_j_k,
        "radiator_area": thermal.radiator_area_m2,
        "emissivity": thermal.emissivity,
        "absorptivity": thermal.absorptivity,
        "sun_area": thermal.sun_area_m2,
        "earth_area": thermal.earth_area_m2,
        "initial_temperature": thermal.initial_c + KELVIN,
        "heater_below": thermal.heater_below_c + KELVIN,
        "throttle_above": thermal.throttle_above_c + KELVIN,
        "shutdown_above": thermal.shutdown_above_c + KELVIN,
        "slew_rate": np.radians(attitude.slew_rate_deg_s),
        "slew_acceleration": np.radians(attitude.slew_acceleration_deg_s2),
        "settle": attitude.settle_s,
        "max_off_nadir": np.radians(camera.max_off_nadir_deg),
        "dwell": camera.dwell_s,
        "image_bits": round(camera.image_gbit * GIGA),
        "min_sun_sine": np.sin(np.radians(camera.min_sun_elevation_deg)),
        "radio": radio,
        "store_bits": round(craft.store_gbit * GIGA),
        **_board_values(craft),
    }
    for name, value in values.items():
        record[name] = value
    return record[()]


def _board_values(craft: Spacecraft) -> dict[str, float]:
    """What `CRAFT` says of the boards of a spacecraft.

    Where there is none, the standing load alone warms the mount, and no board throttles.
    """
    thermal, standing, compute = craft.thermal, craft.power.compute_w, craft.compute
    idle, most, hot, span = 0.0, max(standing, 1.0), np.inf, 0.0
    if compute is not None:
        profile = board(compute.board)
        idle, most = compute.boards * profile.idle_w, compute.boards * profile.active_w
        hot, span = profile.throttle_c + KELVIN, profile.throttle_span_k
    conductance = most / thermal.board_rise_k
    return {
        "compute_load": standing,
        "idle_load": min(standing, idle),
        "board_power": most,
        "board_capacity": 60.0 * thermal.board_minutes * conductance,
        "board_conductance": conductance,
        "board_rise": thermal.board_rise_k,
        "board_throttle": hot,
        "board_shutdown": hot + span,
    }

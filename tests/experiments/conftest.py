"""A made-up but plausible day of a small constellation, for whatever draws or measures recordings."""

import numpy as np
import pytest

from sandbox.geography import sample_land
from sandbox.recording import Recorder

EARTH_RADIUS, MU, SPIN = 6_378_137.0, 3.986004418e14, 7.2921159e-5
MODES = ("idle", "charge", "observe", "downlink", "safe")
STATIONS = {
    "Kashgar": (39.5, 76.0),
    "Sanya": (18.3, 109.3),
    "Mohe": (53.5, 122.3),
    "Svalbard": (78.2, 15.4),
    "Punta Arenas": (-53.0, -70.9),
}
SUN = np.array([-0.5307, -0.7777, -0.3371])  # 2025-11-20
IDLE, CHARGE, OBSERVE, DOWNLINK, SAFE = range(5)


def fly(satellites=12, hours=24.0, round_s=30.0, groups=3, targets=700, seed=7, optional=None, lost=None):
    """A Recording of `satellites` in trains of `groups` orbital planes at 97.4 degrees and 500 to 560 km.

    `lost` names a satellite that dies halfway through.
    """
    rng = np.random.default_rng(seed)
    rounds, names = round(hours * 3600 / round_s), [f"SCS-01 {chr(65 + i)}" for i in range(satellites)]
    names = names if satellites <= 26 else [f"SCS-{i:04d}" for i in range(satellites)]
    orbit = _orbits(satellites, groups)
    where = sample_land(rng, targets)
    opens = rng.uniform(-0.1, 1.0, targets) * hours * 3600
    closes = opens + rng.uniform(1.0, 8.0, targets) * 3600
    value = np.round(rng.gamma(2.0, 0.5, targets), 2)
    stations = np.radians(list(STATIONS.values())).T
    meta = {
        "scenario": "Three trains",
        "env": "tasking_v0",
        "policy": "greedy",
        "seed": seed,
        "epoch": "2025-11-20T00:00:00Z",
        "round_s": round_s,
        "satellite_names": names,
        "station_names": list(STATIONS),
        "mode_names": list(MODES),
        "action_names": list(MODES[:4]),
    }
    static = dict(
        zip(("station_latitude", "station_longitude"), stations, strict=True),
        target_latitude=where[0],
        target_longitude=where[1],
        target_value=value,
    )
    sizes = (rounds, satellites, len(STATIONS), targets, 4)
    recorder = Recorder(meta, *sizes, static=static, optional=optional)
    battery, store = rng.uniform(0.6, 0.9, satellites), np.zeros(satellites)
    temperature, state = np.full(satellites, 291.0), np.zeros(targets, np.uint8)
    holds = [[] for _ in range(satellites)]
    safe_until, busy_until = np.full(satellites, -1.0), np.full(satellites, -1.0)
    mine = np.arange(targets) % 4 == np.arange(satellites)[:, None] % 4
    alive, charging = np.ones(satellites, bool), np.zeros(satellites, bool)
    for k in range(rounds):
        t = k * round_s
        if k == rounds // 2 and lost is not None:
            alive[lost] = False
            recorder.event(t, lost, "lost")
        position, latitude, longitude, sunlight = _geometry(orbit, t)
        state[(state == 0) & (opens <= t)] = 1
        state[(state == 1) & (closes < t)] = 4
        charging = (battery < np.where(charging, 0.9, 0.6)) & (sunlight > 0.5)
        mode = np.where(charging, CHARGE, IDLE)
        station, target = np.full(satellites, -1), np.full(satellites, -1)
        delivered, bits = np.zeros(satellites), np.zeros(satellites)
        contact = _near(latitude, longitude, *stations, np.radians(17.0))
        sight = _near(latitude, longitude, *where, np.radians(8.0)) & (state == 1) & mine
        for s in range(satellites):
            if rng.random() < 2e-5 * round_s / 30 and safe_until[s] < t:
                safe_until[s] = t + 5400
                recorder.event(t, s, "safe mode", text="upset of the processor")
            if safe_until[s] > t or not alive[s]:
                mode[s] = SAFE
            elif contact[s].any() and store[s] > 0:
                mode[s], station[s] = DOWNLINK, np.flatnonzero(contact[s])[0]
                sent = min(store[s], round_s / 1500)
                store[s], bits[s] = store[s] - sent, sent * 2e12
                if holds[s] and store[s] < 0.07 * len(holds[s]):
                    done = holds[s].pop(0)
                    state[done], delivered[s] = 3, value[done]
                    recorder.event(t, s, "downlink", target=done, value=value[done])
            elif busy_until[s] > t:
                mode[s] = OBSERVE
            elif sight[s].any() and sunlight[s] > 0.5 and battery[s] > 0.35 and store[s] < 0.93:
                chosen = np.flatnonzero(sight[s])[np.argmax(value[sight[s]])]
                mode[s], target[s], state[chosen] = OBSERVE, chosen, 2
                store[s], busy_until[s] = store[s] + 0.07, t + 210.0
                holds[s].append(chosen)
                recorder.event(t, s, "capture", target=chosen, value=value[chosen])
        load = np.array([0.22, 0.22, 0.80, 0.55, 0.10])[mode]
        gain = sunlight * np.where(mode == CHARGE, 0.75, 0.22)
        battery = np.clip(battery + (gain - load) * round_s / 3600, 0.0, 1.0)
        balance = 255.0 + 34.0 * sunlight + 40.0 * load
        temperature += (balance - temperature) * round_s / 2400
        recorder.append(
            time=t,
            earth_angle=1.03 + SPIN * t,
            sun=SUN,
            position=position,
            latitude=latitude,
            longitude=longitude,
            battery=battery,
            store=store,
            temperature=temperature,
            sunlight=sunlight,
            mode=mode,
            alive=alive,
            action=np.minimum(mode, 3),
            mask=np.ones((satellites, 4), bool),
            probability=np.ones(satellites),
            reward=delivered,
            station=station,
            target=target,
            delivered_value=delivered,
            downlinked=bits,
            target_state=state,
        )
    return recorder.close()


def _orbits(satellites, groups):
    """Radius, node and starting phase of each: trains of satellites four degrees apart."""
    group, place = np.divmod(np.arange(satellites), -(-satellites // groups))
    radius = EARTH_RADIUS + 500e3 + 30e3 * group
    return radius, np.radians(20.0 + 360.0 / groups * group), np.radians(4.0 * place + 95.0 * group)


def _geometry(orbit, t):
    """Position (m), latitude, longitude (rad) and sunlight of every satellite."""
    radius, node, phase = orbit
    tilt, angle = np.radians(97.4), phase + np.sqrt(MU / radius**3) * t
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    across = y * np.cos(tilt)
    position = np.stack(
        [
            x * np.cos(node) - across * np.sin(node),
            x * np.sin(node) + across * np.cos(node),
            y * np.sin(tilt),
        ],
        axis=1,
    )
    longitude = np.arctan2(position[:, 1], position[:, 0]) - 1.03 - SPIN * t
    along = position @ SUN
    off_axis = np.linalg.norm(position - along[:, None] * SUN, axis=1)
    sunlight = np.where(along > 0, 1.0, np.clip((off_axis - EARTH_RADIUS) / 30e3 + 0.5, 0.0, 1.0))
    wrapped = (longitude + np.pi) % (2 * np.pi) - np.pi
    return position, np.arcsin(position[:, 2] / radius), wrapped, sunlight


def _near(latitude, longitude, at_latitude, at_longitude, reach):
    """Whether (here, there) are within `reach` of each other along the ground."""
    there = np.sin(latitude)[:, None] * np.sin(at_latitude)
    there += np.cos(latitude)[:, None] * np.cos(at_latitude) * np.cos(longitude[:, None] - at_longitude)
    return there > np.cos(reach)


@pytest.fixture(scope="session")
def synthetic_recording():
    """Four hours of twelve satellites, of which one is lost."""
    return fly(hours=4.0, targets=80, lost=5)


@pytest.fixture(scope="session")
def synthetic_fleet():
    """Two hours of sixty satellites at rounds of a minute."""
    return fly(satellites=60, hours=2.0, round_s=60.0, targets=200)

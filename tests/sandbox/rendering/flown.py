"""Recordings of satellites on circles around a turning Earth: every number has a closed form."""

import json

import numpy as np

from sandbox.recording import Events, Recorder, Recording

RADIUS, MU, SPIN = 6_378_137.0, 3.986004418e14, 7.2921159e-5
MODES = ("idle", "charge", "observe", "downlink", "lost")
CHOICES = ("idle", "charge", "downlink", "observe_1")
TILT = np.radians(53.0)


def flown(satellites=12, rounds=40, round_s=60.0, targets=30, thoughts=False, optional=None):
    """A Recording of `satellites` evenly spread over four planes at 550 km."""
    rng = np.random.default_rng(3)
    meta = {
        "scenario": "Circles </script>",  # a name that would break a page which does not escape it
        "policy": "made up",
        "seed": 3,
        "epoch": "2026-03-20T12:00:00Z",
        "round_s": round_s,
        "satellite_names": [f"Circle {n}" for n in range(satellites)],
        "station_names": ["North", "South"],
        "mode_names": list(MODES),
        "action_names": list(CHOICES),
    }
    static = {
        "station_latitude": np.radians([40.0, -30.0]),
        "station_longitude": np.radians([10.0, 140.0]),
        "target_latitude": np.radians(rng.uniform(-60, 60, targets)),
        "target_longitude": np.radians(rng.uniform(-180, 180, targets)),
        "target_value": rng.uniform(1, 5, targets),
    }
    sizes = (rounds, satellites, 2, targets, len(CHOICES))
    recorder = Recorder(meta, *sizes, static=static, optional=optional)
    n = np.arange(satellites)
    for k in range(rounds):
        time = k * round_s
        position, angle = places(satellites, time), 0.7 + SPIN * time
        mode = (n + k // 5) % 4
        row = {
            "time": time,
            "earth_angle": angle,
            "sun": np.array([1.0, 0.0, 0.0]),
            "position": position,
            "latitude": geodetic_latitude(position),
            "longitude": wrapped(np.arctan2(position[:, 1], position[:, 0]) - angle),
            "battery": 0.5 + 0.4 * np.sin(time / 900.0 + n),
            "store": (n + k) % 10 / 10.0,
            "temperature": 280.0 + 15.0 * np.cos(time / 900.0 + n),
            "sunlight": (position[:, 0] > 0).astype(float),
            "mode": mode,
            "alive": np.ones(satellites, bool),
            "action": (n + k) % 4,
            "mask": (n[:, None] + k + np.arange(4)) % 3 > 0,
            "probability": np.full(satellites, 0.75),
            "reward": (n + k) % 7 - 2.5,
            "station": np.where(mode == 3, n % 2, -1),
            "target": np.where((mode == 2) & (targets > 0), n % max(targets, 1), -1),
            "delivered_value": np.where(mode == 3, 1.5, 0.0),
            "downlinked": np.where(mode == 3, 2e9, 0.0),
            "target_state": (np.arange(targets) + k // 10) % 5,
        }
        if thoughts:
            row |= {"thought_s": np.where(n == 2, 1.25, 0.0), "output_tokens": np.where(n == 2, 9, 0)}
        recorder.append(**row)
        if k % 4 == 0:
            recorder.event(time + 1.0, k % satellites, "capture", target=k % max(targets, 1), value=2.0)
        if thoughts:
            said = {"report": f"Battery low <b>in</b> round {k}.", "answer": "B", "decision": "charge"}
            recorder.event(time + 2.0, 2, "thought", text=json.dumps(said))
    return recorder.close()


def places(satellites, time):
    """Positions (satellites, 3) in GCRS."""
    n = np.arange(satellites)
    plane, place = n % 4, n // 4
    radius = RADIUS + 550e3
    angle = place * 2 * np.pi / -(-satellites // 4) + plane * 0.3 + np.sqrt(MU / radius**3) * time
    node = plane * np.pi / 2
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    across = y * np.cos(TILT)
    return np.stack(
        [
            x * np.cos(node) - across * np.sin(node),
            x * np.sin(node) + across * np.cos(node),
            y * np.sin(TILT),
        ],
        axis=1,
    )


def geodetic_latitude(position):
    """By Bowring's formula on the WGS 84 ellipsoid."""
    a, f = RADIUS, 1 / 298.257223563
    b, e2 = a * (1 - f), f * (2 - f)
    rho, z = np.hypot(position[:, 0], position[:, 1]), position[:, 2]
    beta = np.arctan2(z * a, rho * b)
    return np.arctan2(z + e2 / (1 - e2) * b * np.sin(beta) ** 3, rho - e2 * a * np.cos(beta) ** 3)


def wrapped(angle):
    return (angle + np.pi) % (2 * np.pi) - np.pi


LASER_BIT_S = 1e9
SENT_BIT = 6e9  # a tenth of what a link can carry in a round of 60 s


def linked(recording, cargo=True):
    """`recording` with a laser link from each satellite to the next, up every other round; two encounters.

    With `cargo` images go over the links to the next satellite, and a message from satellite 5 back to 4.
    """
    rounds, satellites = recording["battery"].shape
    n = np.arange(satellites)
    peer = np.full((rounds, satellites, 4), -1, np.int32)
    peer[::2, :, 0], peer[::2, :, 1] = (n + 1) % satellites, (n - 1) % satellites
    places = np.where(n[:, None] < 2, recording["position"] * np.float32(1.01), np.float32(0.0))
    images, messages = np.zeros((2, rounds, satellites, 4), np.float32)
    images[::2, n != 4, 0], messages[::2, 5, 1] = SENT_BIT, 2048.0
    more = {"link_peer": peer, "encounter_position": places}
    meta = dict(recording.meta)
    if cargo:
        more |= {"link_images": images, "link_messages": messages}
        meta |= {"laser_bit_s": [LASER_BIT_S] * satellites}
    return Recording(meta, dict(recording.arrays) | more, recording.events)


PLANE = {
    "tca_s": 1500.0,
    "miss_m": 800.0,
    "sigma_m": 437.0,
    "ellipse_m": [500.0, 120.0],
    "tilt_deg": 30.0,
    "radius_m": 12.0,
}


def warned(recording):
    """`recording` in which satellite 1 is warned at 300 s of what passes it at 1500 s."""
    rows = [
        *recording.events.rows(),
        (300.0, 1, "warning", 0, 1.2e-4, json.dumps(PLANE)),
        (1500.0, 1, "closest_approach", 0, 640.0, ""),
    ]
    return Recording(recording.meta, recording.arrays, Events.from_rows(rows))

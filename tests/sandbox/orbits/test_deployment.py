"""From one launch to slots: flown by our propagator and by boinor's, and at the textbook's prices."""

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time
from boinor.bodies import Earth
from boinor.maneuver import Maneuver
from boinor.twobody import Orbit

from sandbox.errors import SandboxError
from sandbox.orbits.bodies import MU_EARTH, R_EARTH
from sandbox.orbits.deployment import plan_deployment
from sandbox.orbits.forces import J2_ONLY, Forces

EPOCH = Time("2026-06-27T00:00:00")
TWO_BODY = Forces(j2=0.0)


def ring(count, altitude_km, first_deg=0.0, apart_deg=0.1, inc=97.6, raan=0.0, ecc=0.0):
    a = R_EARTH * u.m + altitude_km * u.km
    nus = ((first_deg + apart_deg * np.arange(count) + 180) % 360 - 180) * u.deg
    shape = ecc * u.one, inc * u.deg, raan * u.deg, 0 * u.deg
    return [Orbit.from_classical(Earth, a, *shape, nu, epoch=EPOCH) for nu in nus]


def laws(plan):
    return [[burn.law for burn in transfer.burns] for transfer in plan.transfers]


def test_two_body_plan_is_flown_by_boinor_too():
    slots = ring(3, 550, 10, 120)
    plan = plan_deployment(ring(3, 500, 100), slots, forces=TWO_BODY, revolutions=10)
    assert laws(plan) == [["hohmann", "hohmann", "phasing", "phasing"]] * 3
    assert sorted(transfer.slot for transfer in plan.transfers) == [0, 1, 2]
    assert (plan.misses < [0.01, 1e-5]).all()
    for transfer in plan.transfers:
        end = plan.orbit(transfer).apply_maneuver(transfer.maneuver())
        slot = slots[transfer.slot].propagate(transfer.time_s * u.s)
        assert np.abs((end.r - slot.r).to_value("m")).max() < 0.01
        assert transfer.maneuver().get_total_cost().to_value("m/s") == pytest.approx(transfer.delta_v)


def test_a_half_turn_of_phasing_by_hand():
    """Twice the difference of circular and phasing speed: 10 revolutions in the time of 10.5."""
    plan = plan_deployment(ring(1, 600), ring(1, 600, 180), forces=TWO_BODY, revolutions=10)
    r = R_EARTH + 600e3
    periods = 9.5, 10.5  # ahead or behind by a half turn
    prices = [
        2 * abs(np.sqrt(MU_EARTH * (2 / r - 1 / (r * (p / 10) ** (2 / 3)))) - np.sqrt(MU_EARTH / r))
        for p in periods
    ]
    assert min(abs(plan.delta_v - price) for price in prices) < 1e-3


@pytest.mark.parametrize("ecc", [0.0, 0.003])
def test_slots_are_reached_under_j2(ecc):
    plan = plan_deployment(ring(3, 500, 0, 0.1, ecc=ecc), ring(3, 550, 0, 120))
    assert plan.forces is J2_ONLY
    assert (plan.misses < [0.1, 1e-4]).all()
    assert all(each[-1] == "lambert" for each in laws(plan))


def test_patience_is_cheap():
    prices = [
        plan_deployment(ring(2, 550), ring(2, 550, 0, 180), forces=TWO_BODY, revolutions=n).delta_v
        for n in (5, 10, 20)
    ]
    assert prices[0] / prices[1] == pytest.approx(2.0, rel=0.1)
    assert prices[1] / prices[2] == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("inc", [0.0, 53.0, 97.6])
def test_patience_is_cheap_under_j2_too(inc):
    """Weeks of phasing: the secular motion of 300 revolutions is met, at a price below that of 30."""
    prices = []
    for n in (30, 300):
        plan = plan_deployment(ring(3, 500, inc=inc), ring(3, 550, 0, 120, inc=inc), revolutions=n)
        assert (plan.misses < [0.1, 1e-4]).all()
        prices.append(plan.delta_v)
    assert prices[1] < prices[0] < 3 * 200


def test_the_drift_of_the_node_spares_the_turn_of_the_plane():
    """20 degrees of node at 53 degrees cost 2 km/s to turn; J2 does it in weeks, for the price of a raise."""
    launch, slots = ring(1, 400, inc=53), ring(1, 550, inc=53, raan=-20)
    drift, turn = (plan_deployment(launch, slots, node_drift=how) for how in (True, False))
    assert drift.delta_v < 200
    assert turn.delta_v > 2000
    assert 20 < drift.time_s / 86_400 < 120
    assert (drift.misses < [0.1, 1e-4]).all()


def test_bielliptic_where_it_is_cheaper():
    far = [Orbit.circular(Earth, 120_000 * u.km, inc=53 * u.deg, epoch=EPOCH)]
    how = {"revolutions": 1, "forces": TWO_BODY}
    plans = [
        plan_deployment(ring(1, 500, inc=53), far, intermediate_radius_m=r, **how) for r in (None, 4e5 * u.km)
    ]
    assert [each[0][0] for each in map(laws, plans)] == ["hohmann", "bielliptic"]
    assert (plans[1].misses < [1.0, 1e-3]).all()


def test_who_is_there_already_burns_nothing():
    plan = plan_deployment(ring(3, 550, 0, 120), ring(4, 550, 0, 120))
    assert (plan.delta_v, plan.time_s) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("orbits", "slots", "how", "words"),
    [
        (2, 1, {}, "give a slot for every orbit"),
        (1, 2, {"assign": False}, "give a slot for every orbit"),
        (0, 1, {}, "give a slot for every orbit"),
        (1, 1, {"revolutions": 0}, "revolutions"),
        (1, 1, {"forces": Forces(drag=True)}, "drag"),
        (1, 1, {"forces": TWO_BODY, "node_drift": True}, "J2"),
        (1, 1, {"node_drift": True}, "as fast"),
        (1, 1, {"intermediate_radius_m": 3 * u.s}, "intermediate_radius_m"),
        (1, 1, {"intermediate_radius_m": 3.0}, "intermediate_radius_m"),
    ],
)
def test_what_cannot_be_planned(orbits, slots, how, words):
    with pytest.raises(SandboxError, match=words):
        plan_deployment(ring(orbits, 550), ring(slots, 550, 5, raan=3), **how)


def test_public_names():
    import sandbox.orbits as public

    assert all(callable(getattr(public, name)) for name in public.__all__)
    with pytest.raises(AttributeError):
        _ = public.nothing


def test_the_return_to_a_slot_is_a_phasing():
    """The kernel's impulse (offset / 3 T), flown by boinor for the whole revolutions nearest to 6 h."""
    from sandbox.maneuvers import RETURN, RETURN_S, wanted_burn

    class Rules:
        small, large = 0.02, 1.0

    orbit = Orbit.circular(Earth, 550 * u.km, 53 * u.deg, epoch=EPOCH)
    count = round(RETURN_S / orbit.period.to_value("s"))
    offset = 2e3  # m ahead of the slot
    share = RETURN_S / (count * orbit.period.to_value("s"))
    impulse = wanted_burn.py_func(RETURN, offset, 0.0, Rules) * share
    velocity = orbit.v.to_value("m/s")
    away = orbit.apply_maneuver(Maneuver.impulse(impulse * velocity / np.linalg.norm(velocity) * u.m / u.s))
    time = count * orbit.period
    slot_turn = offset / orbit.a.to_value("m")
    behind = Orbit.circular(Earth, 550 * u.km, 53 * u.deg, arglat=-slot_turn * u.rad, epoch=EPOCH)
    left = np.linalg.norm((away.propagate(time).r - behind.propagate(time).r).to_value("m"))
    assert left < 0.01 * offset

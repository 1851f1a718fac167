"""CBBA, the consensus-based bundle algorithm, for requests that several satellites could image.

After H.-L. Choi, L. Brunet and J. P. How, "Consensus-Based Decentralized Auctions for Robust Task
Allocation", IEEE Transactions on Robotics 25 (2009) 912. Taken from it: every satellite builds a bundle, one
request after the other, each time that of the greatest marginal score for which it would outbid the highest
bid it knows of; bids are exchanged, the highest wins, of equal ones the lower number; who is outbid releases
that request and all that it put into its bundle after it; and so on until nothing changes. Scores fall with
the time at which an image would be taken and a bid never exceeds the one before it in the bundle, which is
the diminishing marginal gain that the algorithm converges by.

Simplified: bundles hold the requests that are shown, those of about the coming minute, and are built anew in
every round; a path is flown in the order of its bundle. Satellites that see one request are so near each
other that they reach each other over a crosslink directly, so bids are heard after one exchange. They know
a request again by its value, forecast and deadline. When to send, to charge and what energy is worth is as
`DeadlineGreedy` has it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.tasking import DeadlineGreedy

Key = tuple[float, ...]
Bundle = list[tuple[int, float]]
"""Places among the offers of a satellite, with what it bids."""
Best = dict[Key, tuple[float, int]]
"""The highest bid for each request, and who made it."""
MARGIN = 1e-9


class Offer(NamedTuple):
    """A request as a satellite sees it; times in s from now."""

    key: Key
    worth: float
    capture: float
    slew: float
    window: float


class Cbba(DeadlineGreedy):
    """Satellites outbid each other for requests that several could image: see the module's page."""

    half_life_s = 120.0
    """In which a score falls by half with the time until the image is taken."""
    most_rounds = 50
    """Exchanges of bids, at most: as all are heard at once, they settle in as many as there are requests."""

    def _score(self, seen: NDArray, mask: NDArray) -> NDArray:
        """The scores of `DeadlineGreedy`, rivals left out, of what was won first; 0 for everything else."""
        worth = self._worth(seen, mask)
        names = ("value", "cloud", "deadline", "capture_in", "slew", "window")
        columns = [self._requests(seen, name) for name in names]
        won = np.zeros(worth.shape)
        for b in range(len(worth)):
            offers = [
                [self._offer([column[b, n, k] for column in columns], worth[b, n, k]) for k in shown]
                for n, shown in enumerate(np.flatnonzero(row > 0.0) for row in worth[b])
            ]
            for n, bundle in enumerate(self.auction(offers)):
                if bundle:
                    won[b, n, np.flatnonzero(worth[b, n] > 0.0)[bundle[0]]] = 1.0
        return np.where(worth > 0.0, worth * won, 0.0)

    def _offer(self, told: list[float], worth: float) -> Offer:
        value, cloud, deadline, capture, slew, window = told
        return Offer((value, cloud, deadline), worth, capture, slew, window)

    def auction(self, offers: list[list[Offer]]) -> list[list[int]]:
        """The bundle of each satellite, places among its `offers` in order of imaging."""
        bundles: list[Bundle] = [[] for _ in offers]
        for _ in range(self.most_rounds):
            best = _highest(offers, bundles)
            built = [self._build(n, mine, bundles[n], best) for n, mine in enumerate(offers)]
            best = _highest(offers, built)
            kept = [_release(n, mine, built[n], best) for n, mine in enumerate(offers)]
            if kept == bundles:
                break
            bundles = kept
        return [[place for place, _ in bundle] for bundle in bundles]

    def _build(self, n: int, offers: list[Offer], bundle: Bundle, best: Best) -> Bundle:
        """The bundle with everything put behind it for which satellite n would outbid the others."""
        bundle = list(bundle)
        while len(bundle) < len(offers):
            held = {place for place, _ in bundle}
            last = bundle[-1][1] if bundle else np.inf
            bids = [
                (min(last, self._bid(offers, [*(place for place, _ in bundle), place])), -place)
                for place in range(len(offers))
                if place not in held
            ]
            winning = [
                (bid, place)
                for bid, place in bids
                if bid > 0.0 and _beats(bid, n, best.get(offers[-place].key))
            ]
            if not winning:
                break
            bid, place = max(winning)
            bundle.append((-place, bid))
        return bundle

    def _bid(self, offers: list[Offer], path: list[int]) -> float:
        """The score of the last of a path: 0 where it is out of reach by then."""
        time = 0.0
        for place in path:
            one = offers[place]
            time = max(one.capture, time + one.slew)
            if time > one.window:
                return 0.0
            time += self.dwell_s
        return float(one.worth * 2.0 ** (-time / self.half_life_s))


def _beats(bid: float, n: int, best: tuple[float, int] | None) -> bool:
    """Whether a bid of satellite n is above the highest; of equal ones the lower number wins."""
    return best is None or bid > best[0] + MARGIN or (abs(bid - best[0]) <= MARGIN and n <= best[1])


def _highest(offers: list[list[Offer]], bundles: list[Bundle]) -> Best:
    """Of all bids in the bundles the highest for each request."""
    best: Best = {}
    for n, bundle in enumerate(bundles):
        for place, bid in bundle:
            key = offers[n][place].key
            if _beats(bid, n, best.get(key)):
                best[key] = bid, n
    return best


def _release(n: int, offers: list[Offer], bundle: Bundle, best: Best) -> Bundle:
    """The bundle up to the first request that another has won."""
    for i, (place, _) in enumerate(bundle):
        if best[offers[place].key][1] != n:
            return bundle[:i]
    return bundle

"""The lowest of distinct numbers, one after the other: by scans where they are few, as a heap where many."""

from sandbox.compiled import kernel
from sandbox.state import NONE

MOST = 2**63 - 1
FEW = 256
"""So many numbers are scanned, some at a time, as quickly as a heap of them is set right."""


@kernel
def heap_up(numbers, count):
    """Make ready the first `count` of `numbers` for `take_next`."""
    if count > FEW:
        for place in range(count // 2 - 1, -1, -1):
            _sift(numbers, place, count)


@kernel
def take_next(numbers, count, last):
    """(the lowest of the first `count` numbers that is above `last`, NONE without one; how many remain)."""
    if count > FEW:
        lowest = numbers[0]
        numbers[0] = numbers[count - 1]
        _sift(numbers, 0, count - 1)
        return lowest, count - 1
    lowest = MOST
    for place in range(count):
        number = numbers[place]
        lowest = min(lowest, number if number > last else MOST)
    return (lowest if lowest < MOST else NONE), count


@kernel
def _sift(numbers, place, count):
    """Let the number at `place` of a heap sink below those that are lower."""
    while 2 * place + 1 < count:
        child = 2 * place + 1
        if child + 1 < count and numbers[child + 1] < numbers[child]:
            child += 1
        if numbers[place] <= numbers[child]:
            return
        numbers[place], numbers[child] = numbers[child], numbers[place]
        place = child

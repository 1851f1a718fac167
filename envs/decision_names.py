"""Names of decisions in a list, made short: what they share is said once, numbers in a row are a range."""

from collections.abc import Iterator, Mapping, Sequence


def spaced(name: str) -> str:
    """A name as words."""
    return name.replace("_", " ")


def in_ranges(
    labels: Sequence[str], names: Sequence[str], together: Mapping[str, int]
) -> Iterator[tuple[str, int, int]]:
    """Lines of labels and names, and which (from, to) they tell; those in a row that are `together` (by name,
    the number of a family) or differ in a number or the last word alone share one: "C-F: observe 1-4",
    "G-H: run small, large", "I-K: neighbour 1-2, training"."""
    kinds = [together.get(name, name.rpartition("_")[0] or (name,)) for name in names]
    at = 0
    while at < len(names):
        end = at + 1
        while end < len(names) and kinds[end] == kinds[at]:
            end += 1
        marks = labels[at] if end - at < 2 else f"{labels[at]}-{labels[end - 1]}"
        yield f"{marks}: {compact(names[at:end])}", at, end
        at = end


def compact(names: Sequence[str], number: str = "") -> str:
    """Names in a row, what they begin with once: "run small, large", "forward/backward small/large"; numbered
    ones as a range, or as one with `number` for theirs: "observe 1-4", "observe k"."""
    firsts, lasts = (list(dict.fromkeys(name.rpartition("_")[i] for name in names)) for i in (0, 2))
    if len(firsts) > 1 < len(lasts) and [f"{a}_{b}" for a in firsts for b in lasts] == list(names):
        return spaced(f"{'/'.join(firsts)} {'/'.join(lasts)}")
    told: list[str] = []
    before = ""
    for i, name in enumerate(names):
        first, _, last = name.rpartition("_")
        stem, numeral = numbered(name)
        follows = i > 0 and numeral > 0 and numbered(names[i - 1]) == (stem, numeral - 1)
        if numeral >= 0 and number:
            if (said := f"{spaced(stem)} {number}") not in told:
                told.append(said)
        elif follows:
            told[-1] = f"{told[-1].rpartition('-')[0] or told[-1]}-{numeral}"
        else:
            told.append(last if first and first == before else spaced(name))
        before = first
    return ", ".join(told)


def numbered(name: str) -> tuple[str, int]:
    """A name and the number that ends it, -1 for none."""
    stem, _, number = name.rpartition("_")
    return (stem, int(number)) if stem and number.isdecimal() else (name, -1)

"""What many rounds of measurements say: quartiles, ratios with an interval, and the order of turns.

The rules are those of `intformer bench`; nothing but Python's own library is needed.
"""

import math


def quantile(values, part):
    """The quantile `part` (0 to 1) of `values`, between neighbours by their distance."""
    ordered = sorted(values)
    at = part * (len(ordered) - 1)
    low, high = ordered[math.floor(at)], ordered[math.ceil(at)]
    return low + (high - low) * (at - math.floor(at))


def quartiles(values):
    """First quartile, median and third quartile."""
    return [quantile(values, part) for part in (0.25, 0.5, 0.75)]


def median(values):
    """The value in the middle; of two, their mean."""
    return quantile(values, 0.5)


def median_interval(values):
    """The median between the ends of an interval that holds that of the population with at least 95 %.

    The ends are the order statistics k and n + 1 - k with the largest k for which a fair coin thrown
    n times shows fewer than k heads in at most 2.5 % of cases. Below six values they are the smallest
    and the largest, and hold it with less.
    """
    ordered = sorted(values)
    count = len(ordered)
    tail, fewer = 0, 0
    while fewer < count // 2 and 40 * (tail + math.comb(count, fewer)) <= 2**count:
        tail += math.comb(count, fewer)
        fewer += 1
    low = max(fewer - 1, 0)
    return [ordered[low], median(ordered), ordered[count - 1 - low]]


def ratios(times, own):
    """How many times as long as `own` each of `times` took, round by round; None marks a round that failed."""
    return [time / base for time, base in zip(times, own) if time is not None and base is not None]


def turns(contenders, number):
    """The contenders in the order of round `number`, counted from 0: every other round backwards."""
    return list(contenders) if number % 2 == 0 else list(reversed(contenders))


def relative_error(found, truth):
    """Root of the mean square of the difference, relative to that of `truth`."""
    difference = sum((f - t) ** 2 for f, t in zip(found, truth, strict=True))
    return math.sqrt(difference / sum(t * t for t in truth))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether a process grows: its resident memory from the fifth minute on (of a run of less than ten minutes:
its last half). Growth is the larger of two: the slope (the median of all slopes between two samples) times
the span, and the median of the last fifth less that of the first. LIMIT says how much is flat. Run by itself
it tries that on series that it makes up."""
import itertools, statistics

MIB = 1 << 20
SETTLE_S = 300
LIMIT = '5 % of what there was, and 1 MiB'


def settle(seconds):
    """From when on a run of so many seconds is judged."""
    return min(SETTLE_S, seconds / 2)


def limit(start):
    return start * 0.05 + MIB


def judge(rows, seconds):
    """rows: [(s, bytes)] -> what became of them from settle() on, all in bytes; the slope per minute. None
    where there was no such process throughout."""
    begin = settle(seconds)
    span, slack = seconds - begin, seconds / 20
    kept = [(t, b) for t, b in rows if t >= begin]
    if len(kept) < 10 or kept[0][0] > begin + slack or kept[-1][0] < seconds - slack:
        return None
    slope = statistics.median((b - a) / (u - t) for (t, a), (u, b) in itertools.combinations(kept, 2) if u > t)
    first = statistics.median(b for t, b in kept if t < begin + span / 5)
    last = statistics.median(b for t, b in kept if t >= seconds - span / 5)
    grew = max(slope * span, last - first)
    return {'first': first, 'last': last, 'most': max(b for _, b in rows), 'slope': slope * 60, 'grew': grew,
            'limit': limit(first), 'flat': grew <= limit(first)}


def proves_itself():
    def series(fn, seconds=1800, begin=0):
        return [(t, int(fn(t) * MIB)) for t in range(begin, seconds, 5)]

    def saw(t):
        return (0, 0.3, -0.2, 0.5)[t // 5 % 4]
    for name, flat, rows, seconds in (
            ('a saw', True, series(lambda t: 13 + saw(t)), 1800),
            ('growth that ends with the fifth minute', True, series(lambda t: 8 + min(t, 300) / 50 + saw(t)), 1800),
            ('a peak', True, series(lambda t: 20 if 900 < t < 1000 else 13), 1800),
            ('32 bytes an answer at 52 answers a second', False, series(lambda t: 13 + 32 * 52 * t / MIB + saw(t)), 1800),
            ('a step in the last minutes', False, series(lambda t: 13 + 2 * (t > 1400)), 1800),
            ('growth in a short run', False, series(lambda t: 10 + t / 40, 180), 180),
            ('growth in the first half of a short run', True, series(lambda t: 10 + min(t, 90) / 30, 180), 180)):
        got = judge(rows, seconds)
        assert got and got['flat'] == flat, f'{name}: {got}'
    assert judge(series(lambda t: 13, begin=600), 1800) is None, 'one that came later'
    assert judge(series(lambda t: 13, seconds=1500), 1800) is None, 'one that ended before'
    print('9 passed, 0 failed')


if __name__ == '__main__':
    proves_itself()

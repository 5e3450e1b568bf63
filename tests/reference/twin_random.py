"""Random numbers and the events' schedule of the slow twin, in plain Python.

Source: docs/02-rules.md, "Random numbers" and "The clips".
"""

WORD = 0xFFFFFFFF


class MersenneTwister:
    """The 32-bit Mersenne Twister with its classic single-integer seeding."""

    def __init__(self, seed):
        self.words = [seed & WORD]
        for i in range(1, 624):
            previous = self.words[-1]
            self.words.append((1812433253 * (previous ^ (previous >> 30)) + i) & WORD)
        self.position = 624

    def next(self):
        """Return the next 32-bit output."""
        if self.position == 624:
            self._renew()
        y = self.words[self.position]
        self.position += 1
        y ^= y >> 11
        y ^= (y << 7) & 0x9D2C5680
        y ^= (y << 15) & 0xEFC60000
        return y ^ (y >> 18)

    def _renew(self):
        words = self.words
        for i in range(624):
            y = (words[i] & 0x80000000) | (words[(i + 1) % 624] & 0x7FFFFFFF)
            words[i] = words[(i + 397) % 624] ^ (y >> 1) ^ (0x9908B0DF if y & 1 else 0)
        self.position = 0

    def below(self, n):
        """Return a uniform number of 0..n-1."""
        product = self.next() * n
        while (product & WORD) < (1 << 32) % n:
            product = self.next() * n
        return product >> 32

    def shuffle(self, items):
        """Shuffle a list in place: two swaps for each draw."""
        n = len(items)
        if n < 2:
            return

        def swap(i, j):
            items[i], items[j] = items[j], items[i]

        i = 1
        if n % 2 == 0:
            swap(1, self.below(2))
            i = 2
        while i < n:
            r = i + 1
            z = self.below(r * (r + 1))
            swap(i, z // (r + 1))
            swap(i + 1, z % (r + 1))
            i += 2


def schedule(max_steps):
    """List the events of an episode as (tick, name) in the order in which they happen."""
    events = [(tick, "cogs_to_neutral") for tick in _shrinking(50, max_steps)]
    events += [(10, "initial_clips")] if max_steps >= 10 else []
    events += [(tick, "neutral_to_clips") for tick in _shrinking(100, max_steps)]
    events += [(tick, "presence_check") for tick in range(50, max_steps + 1, 100)]
    _sort_like_the_gnu_library(events)
    return events


def _shrinking(start, max_steps):
    """Ticks from `start`; the intervals between them shrink from 100 to 20 until `max_steps`."""
    ticks, tick = [], start
    while tick <= max_steps:
        ticks.append(tick)
        if tick == max_steps:
            break
        tick += max(1, round(100 + (tick - start) / (max_steps - start) * (20 - 100)))
    return ticks


def _sort_like_the_gnu_library(events):
    """Sort by tick as `std::sort` of the GNU C++ library does; what it makes of equal ticks is part of the rules."""

    def before(i, j):
        return events[i][0] < events[j][0]

    def swap(i, j):
        events[i], events[j] = events[j], events[i]

    def cut(first, last):
        a, b, c = first + 1, first + (last - first) // 2, last - 1
        if before(a, b):
            swap(first, b if before(b, c) else (c if before(a, c) else a))
        else:
            swap(first, a if before(a, c) else (c if before(b, c) else b))
        left, right = first + 1, last
        while True:
            while before(left, first):
                left += 1
            right -= 1
            while before(first, right):
                right -= 1
            if left >= right:
                return left
            swap(left, right)
            left += 1

    def sort_roughly(first, last, depth):
        while last - first > 16:
            assert depth > 0, "the library would change to a heap sort here"
            depth -= 1
            middle = cut(first, last)
            sort_roughly(middle, last, depth)
            last = middle

    if events:
        sort_roughly(0, len(events), 2 * (len(events).bit_length() - 1))
    for i in range(1, len(events)):
        j = i
        while j > 0 and before(j, j - 1):
            swap(j, j - 1)
            j -= 1

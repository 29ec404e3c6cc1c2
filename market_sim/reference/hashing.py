"""Hashes and random streams: 64-bit integers only, so that every machine gets the same numbers.

FNV-1a folds whole 64-bit words here (the published function folds bytes). It is no cryptographic
hash: it tells two runs apart, it does not protect against somebody who wants them to look equal.
"""

from __future__ import annotations

from collections.abc import Iterable

MASK = 2**64 - 1
FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
ENCODING_VERSION = 1  # first word of the event-log hash: a changed encoding never passes for a changed market


def fold(state: int, words: Iterable[int]) -> int:
    """Fold words (negative ones as two's complement) into a running FNV-1a state."""
    for word in words:
        state = ((state ^ (word & MASK)) * FNV_PRIME) & MASK
    return state


def fnv(words: Iterable[int]) -> int:
    """FNV-1a of a sequence of words."""
    return fold(FNV_OFFSET, words)


def text_words(text: str) -> list[int]:
    """A text as words: its length in bytes, then UTF-8 zero-padded to whole little-endian words."""
    raw = text.encode("utf-8")
    padded = raw + b"\0" * (-len(raw) % 8)
    return [len(raw)] + [int.from_bytes(padded[i : i + 8], "little") for i in range(0, len(padded), 8)]


def name_hash(text: str) -> int:
    """One word that stands for a name. Agents are hashed by name, so ids may move without moving the hash."""
    return fnv(text_words(text))


def stream_seed(seed: int, *names: str) -> int:
    """Seed of the random stream that belongs to these names.

    Each use draws from its own stream, so adding an agent leaves the draws of all others alone.
    """
    state = fnv([seed])
    for name in names:
        state = fold(state, text_words(name))
    return state


class SplitMix64:
    """Random 64-bit integers (Steele, Lea and Flood 2014). Small, fast, and equal on every machine."""

    __slots__ = ("state",)

    def __init__(self, seed: int) -> None:
        self.state = seed & MASK

    def next(self) -> int:
        """A uniform integer in 0 .. 2**64 - 1."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """A uniform integer in 0 .. bound - 1 (multiply and shift: one draw, bias below 2**-64 * bound)."""
        return (self.next() * bound) >> 64

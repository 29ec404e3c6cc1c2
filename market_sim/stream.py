"""An agent's own random stream: the same draws on every machine, whoever else draws.

Python's Mersenne Twister seeded with one 64-bit integer gives the same integers and uniform doubles
everywhere. The standard library then takes logarithms, cosines and exponentials for other distributions,
whose last digits differ between machines. Here the exponential is drawn by comparing uniforms (von Neumann,
"Various techniques used in connection with random digits", 1951) and the normal by rejection from the
exponential (Devroye, "Non-Uniform Random Variate Generation", 1986, II.3), which leaves only + - * /.
"""

from __future__ import annotations

import random
from typing import Any


class Stream(random.Random):
    """`random.Random` with portable `expovariate`, `gauss` and `normalvariate`.

    `portable` turns False when a distribution is drawn that needs logarithms or exponentials.
    """

    portable = True

    def _unit_exponential(self) -> float:
        """Exponential with mean 1: von Neumann's runs of falling uniforms."""
        draw = self.random
        whole = 0
        while True:
            first = previous = draw()
            odd = True
            following = draw()
            while following < previous:
                previous, following = following, draw()
                odd = not odd
            if odd:
                return whole + first
            whole += 1

    def _unit_normal(self) -> float:
        """Standard normal: an exponential x, kept with probability exp(-(x-1)^2 / 2), with a fair sign."""
        exponential = self._unit_exponential
        while True:
            x = exponential()
            # A second exponential exceeds t with probability exp(-t), so the acceptance needs no exp()
            # either.
            if exponential() >= (x - 1) * (x - 1) / 2:
                return x if self.random() < 0.5 else -x

    def expovariate(self, lambd: float = 1.0) -> float:
        """Exponential with mean 1/lambd."""
        return self._unit_exponential() / lambd

    def normalvariate(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        """Normal with mean mu and standard deviation sigma."""
        return mu + sigma * self._unit_normal()

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        """Normal with mean mu and standard deviation sigma (the same as `normalvariate`)."""
        return mu + sigma * self._unit_normal()

    def below(self, n: int) -> int:
        """A uniform integer 0..n-1."""
        return self._randbelow(n)  # type: ignore[attr-defined]

    # The rest of the standard library's distributions stay available and are owned up to.

    def lognormvariate(self, *args: Any, **kwargs: Any) -> float:
        """As in `random`; not portable."""
        self.portable = False
        return super().lognormvariate(*args, **kwargs)

    def gammavariate(self, *args: Any, **kwargs: Any) -> float:
        """As in `random`; not portable."""
        self.portable = False
        return super().gammavariate(*args, **kwargs)

    def betavariate(self, *args: Any, **kwargs: Any) -> float:
        """As in `random`; not portable."""
        self.portable = False
        return super().betavariate(*args, **kwargs)

    def paretovariate(self, *args: Any, **kwargs: Any) -> float:
        """As in `random`; not portable."""
        self.portable = False
        return super().paretovariate(*args, **kwargs)

    def weibullvariate(self, *args: Any, **kwargs: Any) -> float:
        """As in `random`; not portable."""
        self.portable = False
        return super().weibullvariate(*args, **kwargs)

    def vonmisesvariate(self, *args: Any, **kwargs: Any) -> float:
        """As in `random`; not portable."""
        self.portable = False
        return super().vonmisesvariate(*args, **kwargs)

    def binomialvariate(self, *args: Any, **kwargs: Any) -> int:
        """As in `random` (Python 3.12 and later); not portable."""
        self.portable = False
        return super().binomialvariate(*args, **kwargs)  # type: ignore[misc]

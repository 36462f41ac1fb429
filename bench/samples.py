"""What the rounds of a benchmark measured."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Samples:
    """One value for each round, e.g. seconds.

    Arithmetic goes round by round: a machine's speed changes between rounds, and seldom within one.
    """

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> "Samples":
        """Return the samples with these values, in the order of the rounds."""
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """The median of all rounds."""
        return statistics.median(self.values)

    def __sub__(self, other: "Samples") -> "Samples":
        return Samples.of(mine - theirs for mine, theirs in zip(self.values, other.values, strict=True))

    def __truediv__(self, other: "Samples | float") -> "Samples":
        if isinstance(other, Samples):
            return Samples.of(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True))
        return Samples.of(mine / other for mine in self.values)

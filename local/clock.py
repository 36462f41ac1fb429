"""A clock that stands still until it is moved, so that days pass in seconds."""

import threading


class VirtualClock:
    """Unix seconds; call it for the time. Safe to share between threads."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        with self._lock:
            self._now += seconds

    def advance_to(self, moment: float) -> None:
        """Let time pass until `moment`, if it is still ahead."""
        with self._lock:
            self._now = max(self._now, moment)

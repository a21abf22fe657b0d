"""How many requests a holder of a token may make."""

from serve.live.door.tokens import Token


class RateLimits:
    """A bucket a token: it fills at the token's rate, and holds a second's worth.

    Args:
        now: seconds at the start, of the clock that is used later.
    """

    def __init__(self, now: float = 0.0) -> None:
        self._start = now
        self._buckets: dict[str, tuple[float, float]] = {}  # left, and when that was so

    def wait(self, token: Token, now: float) -> float:
        """Seconds until one more request is allowed; 0 if it is now, and then it is counted.

        Args:
            token: who asks.
            now: seconds.
        """
        if token.rate is None:
            return 0.0
        most = max(1.0, token.rate)
        left, then = self._buckets.get(token.name, (most, self._start))
        left = min(most, left + (now - then) * token.rate)
        if left < 1:
            self._buckets[token.name] = (left, now)
            return (1 - left) / token.rate
        self._buckets[token.name] = (left - 1, now)
        return 0.0

"""How strong trust is: what moves it, and what it moves. Set once, with reasons, never tuned."""

from dataclasses import dataclass, replace

from data.errors import BadInput


@dataclass(frozen=True)
class TrustEffects:
    """Trust is 0 for whom nothing has happened yet, above it after joy, below after disappointment.

    Raises:
        BadInput: a size is outside what it can be.
    """

    joy: float = 0.1
    """Added by a take. The unit of trust is free: ten takes in a row make it 1."""
    fall: float = 0.225
    """Taken when a title is abandoned under a poster that misleads wholly; less in proportion. 2.25
    times a joy: losses weigh so much more than gains (Tversky and Kahneman 1992)."""
    hidden: float = 0.0
    """Taken by any play under a poster that misleads wholly, whether or not it was enjoyed: harm
    that nothing seen at the time tells of. 0 in the world as it is; 0.225, a fall for
    every play, breaks proxies on purpose."""
    half_life_days: float = 21.0
    """Trust comes half its way back to 0 in so many days: three weeks, longer than the windows in
    which rewards are usually counted, shorter than the 60 days over which a policy is judged."""
    visit: float = 0.5
    """Logits of a day's visit for each unit of trust; artwork's personal effect on a play is .8."""
    play: float = 0.25
    """The same of a play: half of it, since who came is already willing."""
    stay: float = 0.7
    """Logarithms of the risk of leaving for each unit of trust, below 0: a unit halves it."""
    leave: float = 0.002
    """Chance of leaving for good on a day at trust 0: 6% in a month. Services do not publish it; a
    few in a hundred a month is what is usually estimated from outside."""
    visits: float = 0.35
    """Share of days on which a member of average activity visits, at trust 0."""
    early_honest: float = 0.3
    """Share of abandonments within the first minutes, under an honest poster …"""
    early_misled: float = 0.8
    """… and under one that misleads wholly: who came for something else sees soon that it is not
    there."""
    carry_over: bool = True
    """Whether trust moves anything; without it every visit is as if it were the first."""

    def __post_init__(self) -> None:
        for name in ("joy", "fall", "hidden", "visit", "play", "stay"):
            if getattr(self, name) < 0:
                raise BadInput(f"{name} is {getattr(self, name)}; it cannot be negative")
        for name in ("leave", "visits", "early_honest", "early_misled"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"{name} is {getattr(self, name)}; it is a share, 0 to 1")
        if self.half_life_days <= 0:
            raise BadInput(f"half_life_days is {self.half_life_days}; give more than 0")

    def without_carry_over(self) -> "TrustEffects":
        """The same world, in which nothing that was shown matters tomorrow."""
        return replace(self, carry_over=False)


LURE = 0.7
"""Logits that a wholly misleading poster adds to a play: made to be clicked. It is played twice as
often and enjoyed half as often (`Effects.clickbait`), so a take is as likely as under an honest
one: what takes cannot tell apart, and only what comes after does."""

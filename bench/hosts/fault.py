"""One fault of several hosts, and what a user relies on all the same."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from bench.faults.stage.account import Account

__all__ = ["Account", "Client", "HostFault", "each", "fails"]

Client = Any
"""Of Redis, and addresses of its log: the package is optional."""


class HostFault(NamedTuple):
    """What is broken, and the promise."""

    name: str
    promise: str
    act: Callable[[Path, Account], None]
    """In an empty folder of its own."""
    why_not: Callable[[], str | None]
    """Why it cannot be had on this machine; None if it can."""


def each(
    names: Sequence[str],
    name: str,
    promise: str,
    act: Callable[[Path, Account, str], None],
    why_not: Callable[[], str | None],
) -> tuple[HostFault, ...]:
    """Siblings: the same fault in several ways.

    Args:
        names: of the ways, as `act` takes them.
        name: of all, with {} for the way.
        promise: of all.
        act: what is done.
        why_not: why it cannot be had here.
    """

    def of(way: str) -> Callable[[Path, Account], None]:
        return lambda folder, account: act(folder, account, way)

    return tuple(HostFault(name.format(way), promise, of(way), why_not) for way in names)


@contextmanager
def fails(account: Account, how: type[Exception], words: str) -> Iterator[None]:
    """Note that what is done here must fail, in a sentence that has some words."""
    said = None
    with suppress(how):
        try:
            yield
        except how as error:
            said = str(error)
            raise
    account.must(said is not None, f"it did not fail ({words})")
    account.must(said is None or words in said, f"it does not say {words!r}: {said}")

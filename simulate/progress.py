"""A bar on stderr for whoever waits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress_bar(what: str, total: int, done: int = 0) -> Iterator[Callable[[float], None]]:
    """A bar, and the function that says how many of the total are done."""
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield lambda count: bar.update(task, completed=count)

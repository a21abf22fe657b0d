"""A client's connection over HTTP/1.1: it holds so much, and leaves nothing behind."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serve.live.door.door import AT_ONCE

AHEAD = 64
"""Requests that a client may send before it has read an answer; with more it is cut off."""


class Connection(HttpToolsProtocol):
    """Uvicorn's, bounded, and without what it keeps of a connection that its client has reset.

    Uvicorn lets that wait out the time of an idle connection, 75 seconds, with all that was sent
    and answered: of a client that resets its connections there was so much that each collection
    of garbage held up pages for .4 seconds.
    """

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of it, however it ended."""
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.pipeline.clear()

    def on_message_begin(self) -> None:
        """Take a request in.

        Raises:
            ValueError: too many of this connection wait; the parser hands it on, as bad HTTP.
        """
        if len(self.pipeline) >= AHEAD:
            raise ValueError(f"more than {AHEAD} requests wait on one connection")
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Offer the body to the door where it came with the head: nobody need wait for it."""
        super().on_message_complete()
        if not self.cycle.more_body:
            self.scope[AT_ONCE] = self.cycle.body  # type: ignore[typeddict-unknown-key]

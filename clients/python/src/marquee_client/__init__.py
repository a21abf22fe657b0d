"""Asks Marquee which artwork to show, and tells it what became of it.

`Client` and `AsyncClient` ask over HTTP, `open_maps` looks up what precompute decided in the page
server's own process. Whatever happens, a page has an image for each title: from the service, from
the member's map, or from defaults that the page gives.
"""

from marquee_client.async_client import AsyncClient
from marquee_client.client import Client
from marquee_client.events import EventSender
from marquee_client.maps import Maps, open_maps
from marquee_client.protocol import Refused
from marquee_client.records import Artwork, Decision, Event, Page, Request, Shown

__all__ = [
    "Artwork",
    "AsyncClient",
    "Client",
    "Decision",
    "Event",
    "EventSender",
    "Maps",
    "Page",
    "Refused",
    "Request",
    "Shown",
    "open_maps",
]

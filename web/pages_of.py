"""What the pages are about: a published bundle, its catalogue, members and a log."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from data.errors import BadInput
from data.rules.desk import RulesDesk
from data.schema import read_schema
from evaluate.new_artwork.audience import NewMembers
from serve.live.door.image_worker import ImageWorker
from serve.live.door.tokens import Tokens
from web.lab.judge import Lab
from web.lab.saliency import Saliencies
from web.lab.uploads import Uploads
from web.session import Sessions
from web.view.catalogue_view import CatalogueView, FollowedView
from web.view.members import KnownMembers
from web.view.thumbnails import Thumbnails
from web.watch.insights_seen import InsightsWatcher
from web.watch.operations import Operations
from web.watch.watcher import Watcher

AUDIENCE = 1000
"""Members whose shares a title's page counts."""


@dataclass
class PagesOf:
    """Where pages take from what they show; each part is read once, when it is asked for first."""

    followed: FollowedView
    profiles: Path | None
    examples: Path | None
    log: Path | None = None
    sessions: Sessions = field(default_factory=lambda: Sessions(Tokens([])))
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    saliencies: Saliencies = field(default_factory=Saliencies)
    worker: ImageWorker = field(default_factory=ImageWorker)
    experiments: Path | None = None
    live: str | None = None
    _members: KnownMembers | None = None
    _audience: NewMembers | None = None

    @cached_property
    def uploads(self) -> Uploads:
        """Images that were sent to be judged."""
        return Uploads(self.followed.cache / "lab")

    @cached_property
    def lab(self) -> Lab:
        """What judges them."""
        return Lab(self.followed.cache, self.examples)

    @cached_property
    def watcher(self) -> Watcher:
        """What the monitor says of the log."""
        return Watcher(self.log, self.examples, self.followed.catalogue, self.experiments)

    @cached_property
    def insights(self) -> InsightsWatcher:
        """What the log says of artwork over the catalogue."""
        return InsightsWatcher(self.examples, self.followed.cache)

    @cached_property
    def operations(self) -> Operations:
        """What operators do to the published bundles."""
        return Operations(self.followed.bundles)

    def desk(self) -> RulesDesk:
        """Where rules are changed, held against what is published.

        Raises:
            BadInput: no file of rules is followed.
        """
        desk = self.followed.rules.desk
        if desk is None:
            raise BadInput("no rules are followed; start the pages with --rules rules.yaml")
        return desk

    def view(self) -> CatalogueView:
        """What is published.

        Raises:
            BadInput: nothing is, or it cannot be read.
        """
        if self.followed.view is None:
            raise BadInput(self.followed.source.refused or "nothing is published yet")
        return self.followed.view

    def members(self) -> KnownMembers:
        """Whom pages can look as.

        Raises:
            BadInput: the file of profiles cannot be read.
        """
        if self._members is None:
            self._members = KnownMembers(self.profiles, read_schema(self.followed.catalogue))
        return self._members

    def audience(self) -> NewMembers | None:
        """Some members, evenly drawn; None: nobody is known."""
        if self._audience is None and self.profiles is not None:
            self._audience = NewMembers.read(self.profiles, AUDIENCE)
        return self._audience

"""`python -m serve web`: pages that show what members see."""

from pathlib import Path

import uvicorn

from data.command_line.give_way import give_way
from data.command_line.numbers import refuse_outside
from data.errors import BadInput
from serve.live.door.tokens import Tokens
from web.app import web_app
from web.pages_of import PagesOf
from web.session import Sessions
from web.tokens_file import TokensFile
from web.view.catalogue_view import FollowedView
from web.watch.live_service import refuse_address


# Each parameter is an option of the command.
def web(
    bundles: Path = Path("artifacts/bundles"),
    catalogue: Path = Path("artifacts/catalogue"),
    profiles: Path | None = None,
    examples: Path | None = None,
    log: Path | None = None,
    rules: Path | None = None,
    experiments: Path | None = None,
    live: str | None = None,
    tokens: Path | None = None,
    cache: Path = Path("artifacts/cache"),
    port: int = 8090,
    foreign: bool = False,
) -> None:
    """Show, in a browser on this machine, what members see and why, until Ctrl-C.

    Home pages of two members side by side; for each image the probability of every candidate and
    what each fact changes; for each title what became of its artworks; what a new image would earn;
    what the monitor and experiments say; which bundle is live, and another made so. With --rules
    pages change who may be shown what. They listen on 127.0.0.1 alone, since they show what is
    known of members.

    Args:
        bundles: Folder whose `current` points at the bundle; followed while running.
        catalogue: Folder with titles.parquet, artworks.parquet and images.
        profiles: Parquet file or folder of members and their facts, as `python -m data profiles`
            writes it.
        examples: Folder of joined examples, as `python -m data join` writes it: draws and takes of
            each artwork; without it pages show what is published alone.
        log: Log folder with decisions/, which the monitor reads; without it there is no monitor.
        rules: rules.yaml, which pages follow and change; the live service takes changes within a
            second where it follows the same file.
        experiments: experiments.yaml of the service: who is in which cell, what came of it, and
            where each ramp is.
        live: Address of the live service, such as http://127.0.0.1:8080, whose /metrics the monitor
            asks for latency and for why pages fell back. Where it asks for a token, the environment
            has one with the scope read in MARQUEE_TOKEN.
        tokens: File of tokens, as `python -m serve token` writes it: who has none sees nothing, and
            `read` is what looking needs, `rules` what changing rules needs, `publish` what making
            bundles live and stopping ramps needs. It is followed: who is taken out of it is signed
            out at once. Without it whoever is on this machine may do
            everything.
        cache: Folder of decoded images, and of images that are sent to be judged.
        port: Port to listen on.
        foreign: Let bundles decide that were trained on another catalogue.
    """
    refuse_outside("--port", port, 0, 65535)
    if live is not None:
        refuse_address(live)
    followed = FollowedView(bundles, catalogue, cache, foreign, rules)
    followed.look()
    if followed.view is None:
        raise BadInput(followed.source.refused)
    places = (("--profiles", profiles), ("--examples", examples), ("--log", log))
    places = (*places, ("--experiments", experiments))
    for name, place in places:
        if place is not None and not place.exists():
            raise BadInput(f"{name} {place}: there is no such file or folder")
    sessions = Sessions(Tokens([]) if tokens is None else TokensFile(tokens))
    pages = PagesOf(followed, profiles, examples, log, sessions, experiments=experiments, live=live)
    if not pages.members().ids:
        raise BadInput(
            "no members are known; give --profiles, which `python -m data profiles` makes"
        )
    give_way()
    print(f"http://127.0.0.1:{port}/", flush=True)
    uvicorn.run(
        web_app(pages), host="127.0.0.1", port=port, log_level="warning", server_header=False
    )

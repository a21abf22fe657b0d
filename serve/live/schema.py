"""Requests and answers of the live service, as its API documentation shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from data.days import moment_us
from data.records import TitleId
from serve.live.page_request import TITLES_LIMIT
from serve.pictures.asked import CANVASES_LIMIT, KINDS_LIMIT, LANGUAGES_LIMIT


class Refusal(BaseModel):
    """Why a request was not carried out."""

    detail: str


Name = Annotated[str, Field(min_length=1)]


class ShownNow(BaseModel):
    """What the caller shows of a title by a logic of its own."""

    title_id: TitleId
    artwork_id: Name
    propensity: float | None = Field(
        None, gt=0, le=1, description="With which it was drawn; null: it is not known"
    )


class DecideRequest(BaseModel):
    """A page: who looks, at which titles, and what is known now."""

    profile_id: str = Field(min_length=1, description="1 to 500 bytes of UTF-8")
    title_ids: list[int] | list[str] = Field(
        max_length=TITLES_LIMIT, description="As the catalogue has them: whole numbers, or text"
    )
    facts: dict[str, object] = Field(default_factory=dict)
    request_id: str | None = Field(
        None, description="The same for a retry: names fresh draws and fallbacks"
    )
    day: int | None = Field(None, description="Days since 1970-01-01; today when left out")
    cell: str | None = None
    fresh: bool = Field(False, description="Draw anew, whatever the map or other pages drew")
    shown: list[ShownNow] | None = Field(
        None,
        description="What the caller shows now: it is answered unchanged and logged beside what"
        " Marquee would have done, but where an experiment's cell decides",
    )
    profiling: bool = Field(
        True, description="False where the member opted out: unpersonalised, and nothing is logged"
    )
    candidates: dict[str, list[str]] | None = Field(
        None,
        description="Title → ids of its artwork that may be shown on this page; all of it where a"
        " title is not named, the placeholder where none is left",
    )
    exclude: list[str] | None = Field(
        None, description="Ids of artwork that may not be shown on this page"
    )
    audience: Name | None = Field(
        None, description="The same as facts.audience, which schema.yaml declares"
    )
    mode: Literal["draw", "preview", "unpersonalised"] = Field(
        "draw",
        description="preview: as a draw, and nothing is logged; unpersonalised: what all members"
        " are shown, not logged either",
    )
    canvas: Name | Annotated[list[Name], Field(max_length=CANVASES_LIMIT)] | None = Field(
        None,
        description=f"Of the pictures, one or several (up to {CANVASES_LIMIT}): `url` is of the"
        " first; main pictures when left out",
    )
    languages: list[Name] | None = Field(
        None,
        max_length=LANGUAGES_LIMIT,
        description="Of texts in pictures and of assets, the best first",
    )
    kinds: list[Name] | None = Field(
        None,
        max_length=KINDS_LIMIT,
        description="Kinds of assets that the page shows beside artwork, in their order, as"
        " synopsis and trailer of assets.parquet; artwork alone when left out",
    )


class DecideBatch(BaseModel):
    """Several pages at once."""

    requests: list[DecideRequest] = Field(max_length=64)


class ShownPicture(BaseModel):
    """What a canvas shows of an artwork: of another canvas where it has none of this one."""

    url: str
    canvas: str | None = Field(description="Of the picture; null: it is a placeholder")
    language: str | None = Field(description="Of its text; null: it has none")
    focal: tuple[float, float] | None = Field(
        description="What must stay in sight, from the left and the top, 0 to 1"
    )


Pictures = dict[str, ShownPicture] | None
"""By canvas asked for; where none was asked for there are none."""


class AssetShown(BaseModel):
    """What is shown of a kind beside the artwork."""

    asset_id: str
    text: str | None = Field(description="Its words, a template's slots filled; null: none")
    frames: list[str] = Field(description="URLs of its picture or key frames")
    propensity: float = Field(
        description="Given the artwork and the kinds before it; 1 of a default, which is not drawn"
    )


class Decision(BaseModel):
    """What to show for one title."""

    title_id: TitleId
    artwork_id: str
    url: str
    decision_id: str | None
    propensity: float
    level: str
    pictures: Pictures = None
    assets: dict[str, AssetShown] | None = Field(
        None, description="By kind asked for that the title has; not there where none was"
    )
    joint_propensity: float | None = Field(
        None, description="Of the artwork and all assets; not there where they were not drawn"
    )


class DecideAnswer(BaseModel):
    """A page's decisions; `reason` says why they were not made live, null when they were."""

    bundle: str | None
    reason: str | None
    logged: bool
    decisions: list[Decision]


class MapAsset(BaseModel):
    """What a map shows of a kind beside the artwork, drawn with it under its decision."""

    asset_id: str
    text: str | None = Field(description="Its words, a template's slots filled; null: none")
    frames: list[str] = Field(description="URLs of its picture or key frames")


class MapTitle(BaseModel):
    """What a map shows for one title."""

    title_id: TitleId
    artwork_id: str
    url: str
    decision_id: str
    propensity: float = Field(description="Of the artwork; its decision in the log has the kinds'")
    pictures: Pictures = None
    assets: dict[str, MapAsset] = Field(
        default_factory=dict, description="By kind; only where precompute draws kinds"
    )


class MapAnswer(BaseModel):
    """A profile's map; version null, and no titles, where there is none."""

    profile_id: str
    version: int | None
    titles: list[MapTitle]


class ScoredImage(BaseModel):
    """An image as a candidate of a title."""

    title_id: TitleId
    vector: list[float]
    embedding: list[float]


class Readiness(BaseModel):
    """Whether pages can be decided, by which bundle, and why a newer one is not used.

    `log` says why nothing can be logged, and pages fall back; empty where all is well.
    """

    bundle: str | None
    refused: str
    draining: bool
    log: str
    rules: str = Field("", description="Why the newest rules do not hold; empty where they do")
    experiments: str = Field(
        "", description="Why the newest experiments.yaml does not hold; empty where it does"
    )


def _microseconds(value: object) -> object:
    """ISO 8601 text in µs since 1970, as files are read: UTC where it names no zone."""
    if not isinstance(value, str):
        return value
    try:
        return moment_us(datetime.fromisoformat(value))
    except ValueError:
        raise ValueError(
            f"{value!r:.60} is no time; send ISO 8601, as 2026-01-05T12:00:00Z, or whole"
            " microseconds since 1970-01-01 UTC"
        ) from None


Moment = Annotated[
    int,
    BeforeValidator(_microseconds),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}]}),
]
"""A time in a request: ISO 8601, or whole microseconds since 1970-01-01 UTC."""


class Event(BaseModel):
    """One row of `data.records.EVENTS`."""

    model_config = {"extra": "forbid"}
    event_id: str | None = None
    kind: str
    time: Moment | None = Field(
        None,
        description="ISO 8601, UTC where it names no zone, or microseconds since 1970-01-01 UTC;"
        " when it arrived if null",
    )
    decision_id: str | None = None
    profile_id: str
    title_id: TitleId
    artwork_id: str | None = None
    device: str | None = None
    surface: str | None = None
    row: int | None = None
    column: int | None = None
    minutes: float | None = None
    thumb: int | None = None
    value: float | None = Field(
        None, description="of a kind that schema.yaml declares with a value, such as seconds"
    )
    facts: dict[str, object] | None = Field(
        None,
        description="of an impression: what its page knew, by facts that schema.yaml declares"
        " with known_at: request",
    )


class Events(BaseModel):
    """Events of one page or player."""

    events: list[Event] = Field(max_length=1000)

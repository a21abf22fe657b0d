"""The Arrow schemas that every part of Marquee meets at.

`docs/data.md` explains each column; `data/check.py` tests a file against them.
"""

from typing import cast

import pyarrow as pa

from data.lean.ids import TitleId as TitleId

SCHEMA_VERSION = 2
"""Written into every decision and event; readers accept this version and all before it."""

TIMESTAMP = pa.timestamp("us", tz="UTC")
COUNTS = pa.map_(pa.string(), pa.float32())
OWN = pa.map_(
    pa.string(),
    pa.struct(
        [pa.field("names", pa.list_(pa.string())), pa.field("numbers", pa.list_(pa.float64()))]
    ),
)
"""Facts that are not Marquee's, by name; see `data/own_facts.py`."""

TITLE_ID = "title_id"
TITLE_IDS = (pa.int64(), pa.string())
"""What a column of title ids may be; the schemas below say int64, and `titles_like` the other."""

TITLES = pa.schema(
    [
        pa.field("title_id", pa.int64(), nullable=False),  # the video id; int64 or string
        pa.field("name", pa.string(), nullable=False),
        pa.field("genres", pa.list_(pa.string()), nullable=False),
        pa.field("cast", pa.list_(pa.string()), nullable=False),
        pa.field("popularity", pa.float32(), nullable=False),  # share of all plays, any scale
        pa.field("launch_day", pa.date32(), nullable=False),
        pa.field("runtime_minutes", pa.float32(), nullable=False),
        pa.field("default_artwork_id", pa.string(), nullable=False),
        pa.field("own", OWN),  # columns of the user's own, null: there are none
    ]
)

ARTWORKS = pa.schema(
    [
        pa.field("artwork_id", pa.string(), nullable=False),
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),  # relative to the catalogue folder
        pa.field("added_day", pa.date32(), nullable=False),
        pa.field("withdrawn_day", pa.date32()),  # null: still a candidate
        pa.field("cast_shown", pa.list_(pa.string())),  # tag, null: nobody tagged it
        pa.field("tone", pa.string()),  # tag, null: nobody tagged it
        pa.field("own", OWN),  # columns of the user's own, null: there are none
    ]
)

IMAGES = pa.schema(
    [
        pa.field("artwork_id", pa.string(), nullable=False),
        pa.field("canvas", pa.string(), nullable=False),  # any name: portrait, tile, hero …
        pa.field("path", pa.string(), nullable=False),  # relative to the catalogue folder
        pa.field("language", pa.string()),  # of its text, null: it has none
        pa.field("aspect", pa.float64()),  # width over height, null: the file says
        pa.field("focal_x", pa.float64()),  # 0 is left, 1 right; null: the middle
        pa.field("focal_y", pa.float64()),  # 0 is top, 1 bottom; null: the middle
    ]
)

ASSETS = pa.schema(
    [
        pa.field("asset_id", pa.string(), nullable=False),
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # synopsis, trailer, evidence, row_title …
        pa.field("content", pa.string(), nullable=False),  # text, picture, clip or template
        pa.field("text", pa.string()),  # words, with {slots} in a template; null: it has none
        pa.field("frames", pa.list_(pa.string())),  # paths of its picture or key frames, or null
        pa.field("language", pa.string()),  # of its words, null: for all
        pa.field("added_day", pa.date32(), nullable=False),
        pa.field("withdrawn_day", pa.date32()),  # null: still a candidate
        pa.field("own", OWN),  # columns of the user's own, null: there are none
    ]
)

FACTS = pa.struct(
    [
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("device", pa.string()),  # null: not known when deciding (precompute)
        pa.field("surface", pa.string()),  # home, search, gallery …; null: not known
        pa.field("row", pa.int16()),  # 0 is the top row; null: not known
        pa.field("column", pa.int16()),  # 0 is leftmost; null: not known
        pa.field("day_part", pa.string()),  # morning, afternoon, evening, night
        pa.field("tenure_days", pa.float32()),
        pa.field("watched_genres", COUNTS),  # titles watched by genre
        pa.field("watched_cast", COUNTS),  # titles watched by cast member, most watched only
        pa.field("own", OWN),  # facts of the user's own, null: there are none
    ]
)

PROFILES = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("facts", FACTS),  # null: nothing is known
        pa.field("profiling", pa.bool_()),  # false: opted out; null: not
    ]
)

PINNED = "pinned"
"""The level of what a rule shows always: its propensity is 1 among several, and says nothing."""
SHOWN = "shown"
"""The level of what the caller showed by a logic of its own; `probabilities` are what Marquee would
have done, and the propensity is 1 unless the caller said it."""
LEVELS = ("personalised", "unpersonalised", "default", PINNED, SHOWN)
EVENT_KINDS = ("impression", "play", "progress", "thumb")

DECISIONS = pa.schema(
    [
        pa.field("schema_version", pa.int16(), nullable=False),
        pa.field("decision_id", pa.string(), nullable=False),  # 32 hex digits
        pa.field("time", TIMESTAMP, nullable=False),
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("facts", FACTS, nullable=False),
        pa.field("candidates", pa.list_(pa.string()), nullable=False),
        pa.field("action", pa.string(), nullable=False),  # the chosen artwork_id
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("probabilities", pa.list_(pa.float64())),  # one a candidate; null: not kept
        pa.field("policy", pa.string(), nullable=False),
        pa.field("bundle", pa.string()),  # null: no model was asked
        pa.field("seed", pa.uint64(), nullable=False),
        pa.field("level", pa.string(), nullable=False),  # one of LEVELS
        pa.field("cell", pa.string()),  # experiment cell, null: none
        pa.field("epoch", pa.int32()),  # of the draw, null: not a draw of an epoch
        pa.field("fingerprint", pa.int64()),  # of the features that the facts became
        pa.field("layout", pa.string()),  # digest of the numbering of artworks, in hex
    ]
)

RULED_DECISIONS = DECISIONS.append(pa.field("rules", pa.list_(pa.string())))
"""With the ids of the rules that held for each, null: none changed it. Written where rules did."""
PAGE_COLUMNS = pa.schema(
    [
        pa.field("page_id", pa.string()),  # of the page that was decided, null: not kept
        pa.field("page_slot", pa.int16()),  # place on it, in reading order, from 0
        pa.field("left_artwork", pa.string()),  # shown before it, null: nothing
        pa.field("right_artwork", pa.string()),  # shown after it, null: nothing
        pa.field("slot_propensity", pa.float64()),  # of the action, whatever its neighbours are
    ]
)
"""Which page a decision is of and what stood beside it, of decisions and of examples. `propensity`
is given the left neighbour, so a page's is their product. Written where live decides rows."""
KIND_COLUMNS = pa.schema(
    [
        pa.field("kinds", pa.list_(pa.string())),  # chosen beside the artwork, in their order
        pa.field("assets", pa.list_(pa.string())),  # what is shown of each
        pa.field("asset_candidates", pa.list_(pa.list_(pa.string()))),  # of each
        pa.field("asset_propensities", pa.list_(pa.float64())),  # of each, given those before it
        pa.field("joint_propensity", pa.float64()),  # of the artwork and all of them: the product
        pa.field("combinations", pa.list_(pa.float64())),  # of each, the last kind innermost
    ]
)
"""What was chosen beside the artwork, of decisions and of examples; null: nothing was. `propensity`
stays the artwork's own. Written where a page asked for other kinds of assets."""
BESIDE_COLUMNS = pa.schema([*PAGE_COLUMNS, *KIND_COLUMNS])
"""What few decisions and examples have."""

EVENTS = pa.schema(
    [
        pa.field("schema_version", pa.int16(), nullable=False),
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # one of EVENT_KINDS, or declared
        pa.field("time", TIMESTAMP, nullable=False),  # when it happened
        pa.field("received", TIMESTAMP, nullable=False),  # when it reached the log
        pa.field("decision_id", pa.string()),  # null: the page did not know it
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("artwork_id", pa.string()),
        pa.field("device", pa.string()),
        pa.field("surface", pa.string()),
        pa.field("row", pa.int16()),
        pa.field("column", pa.int16()),
        pa.field("minutes", pa.float32()),  # watched so far (progress)
        pa.field("thumb", pa.int8()),  # −1 or 1 (thumb)
        pa.field("value", pa.float64()),  # of a declared kind that counts something
        pa.field("own", OWN),  # of an impression: what its page knew by facts of the user's own
    ]
)
PLAIN_EVENTS = pa.schema([field for field in EVENTS if field.name not in ("value", "own")])
"""What every log has: the others are read where something that is declared needs them."""

EXAMPLES = pa.schema(
    [
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("time", TIMESTAMP, nullable=False),
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("title_id", pa.int64(), nullable=False),
        pa.field("facts", FACTS, nullable=False),  # page facts filled in from the impression
        pa.field("candidates", pa.list_(pa.string()), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("policy", pa.string(), nullable=False),
        pa.field("bundle", pa.string()),
        pa.field("level", pa.string(), nullable=False),
        pa.field("cell", pa.string()),
        pa.field("played", pa.bool_(), nullable=False),
        pa.field("minutes", pa.float32(), nullable=False),
        pa.field("reward", pa.float64(), nullable=False),
        pa.field("reward_name", pa.string(), nullable=False),  # take, play, minutes, …
        pa.field("impressions", pa.int32()),  # pages that showed the draw, null: not counted
        pa.field("schema_version", pa.int16()),  # of the decision, null: 1
    ]
)


def titles_as(schema: pa.Schema, kind: pa.DataType) -> pa.Schema:
    """A schema with title ids of a kind, int64 or string; one without title ids as it is."""
    at = schema.get_field_index(TITLE_ID)
    return schema if at < 0 else schema.set(at, schema.field(at).with_type(kind))


def titles_like(schema: pa.Schema, own: pa.Schema) -> pa.Schema:
    """A schema with title ids of the kind that somebody's table has; as it is where it says none.

    This alone decides which kind a file is of: by the column's type, never by what stands in it.
    """
    kind = told_kind(own)
    return schema if kind is None else titles_as(schema, kind)


def title_kind(own: pa.Schema) -> pa.DataType:
    """The kind of title ids that a table has: string where its column is text, or else int64."""
    return told_kind(own) or pa.int64()


def told_kind(own: pa.Schema) -> pa.DataType | None:
    """The kind of title ids that a table's columns tell; None: it has none, or nulls alone."""
    if own.names.count(TITLE_ID) != 1 or pa.types.is_null(own.field(TITLE_ID).type):
        return None
    of = own.field(TITLE_ID).type
    while isinstance(of, pa.BaseExtensionType) and not isinstance(of, pa.UuidType):
        of = of.storage_type
    if pa.types.is_dictionary(of):
        of = cast("pa.DictionaryType", of).value_type
    types = pa.types
    texts = (types.is_string, types.is_large_string, types.is_string_view)
    bytes_ = (types.is_binary, types.is_large_binary, types.is_binary_view)
    is_text = isinstance(of, pa.UuidType) or any(is_one(of) for is_one in (*texts, *bytes_))
    return pa.string() if is_text else pa.int64()


def kind_words(kind: pa.DataType) -> str:
    """What a kind of title ids is called."""
    return "text" if kind == pa.string() else "whole numbers"


METRICS = pa.map_(pa.string(), pa.float64())
"""What an example was worth beside its reward, by name."""
WITH_METRICS = EXAMPLES.append(pa.field("metrics", METRICS))
"""What a join writes where metrics are declared; without any, examples are as they ever were."""

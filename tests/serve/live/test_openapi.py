"""What is promised over HTTP is kept: nothing is taken away, more may come. About 1 s."""

import copy
import json

import pytest

from serve.live.cells.shown import SHOWN_FIELDS
from serve.live.page_request import FIELDS
from serve.live.schema import DecideBatch, DecideRequest, ShownNow
from tests.openapi import PROMISED, broken, document


@pytest.fixture(scope="module")
def now():
    return document()


@pytest.fixture
def promised():
    return json.loads(PROMISED.read_text())


def test_the_service_keeps_what_the_document_promises(promised, now):
    assert broken(promised, now) == []


def test_the_document_names_every_end_point(promised, now):
    written = {path: set(methods) for path, methods in promised["paths"].items()}
    assert written == {path: set(methods) for path, methods in now["paths"].items()}, (
        "an end point is new: `python -m tests.openapi` writes it down"
    )


def schema(of, name):
    return of["components"]["schemas"][name]


BREACHES = {
    "POST /v1/explain: is gone": lambda new: new["paths"].pop("/v1/explain"),
    "POST /v1/decide: no longer says 429": lambda new: new["paths"]["/v1/decide"]["post"][
        "responses"
    ].pop("429"),
    "GET /v1/maps/{profile_id}: no longer takes canvas": lambda new: new["paths"][
        "/v1/maps/{profile_id}"
    ]["get"]["parameters"].pop(1),
    "POST /v1/decide body (DecideRequest).cell: is gone": lambda new: schema(new, "DecideRequest")[
        "properties"
    ].pop("cell"),
    "POST /v1/decide body (DecideRequest).facts: must be sent": lambda new: schema(
        new, "DecideRequest"
    )["required"].append("facts"),
    "POST /v1/events body (Events).events[] (Event).kind: no longer may be string": lambda new: (
        schema(new, "Event")["properties"].update(kind={"type": "integer"})
    ),
    "POST /v1/events body (Events).events: maxItems was 1000, is 10": lambda new: schema(
        new, "Events"
    )["properties"]["events"].update(maxItems=10),
    "POST /v1/decide 200 (DecideAnswer).decisions[] (Decision).url: is gone": lambda new: schema(
        new, "Decision"
    )["properties"].pop("url"),
    "POST /v1/decide 200 (DecideAnswer).logged: need not be there now": lambda new: schema(
        new, "DecideAnswer"
    )["required"].remove("logged"),
    "POST /v1/decide 200 (DecideAnswer).logged: may be string now": lambda new: schema(
        new, "DecideAnswer"
    )["properties"].update(logged={"type": "string"}),
}


@pytest.mark.parametrize("words", BREACHES)
def test_a_breach_is_named_and_nothing_else(promised, words):
    new = copy.deepcopy(promised)
    BREACHES[words](new)
    assert words in broken(promised, new)


def test_more_is_no_breach(promised):
    new = copy.deepcopy(promised)
    new["paths"]["/v1/more"] = {"get": {"responses": {"200": {}}}}
    schema(new, "DecideRequest")["properties"]["mode"] = {"type": "string"}
    schema(new, "DecideAnswer")["properties"]["shadow"] = {"type": "boolean"}
    schema(new, "DecideAnswer")["required"].append("shadow")
    schema(new, "Events")["properties"]["events"]["maxItems"] = 5000
    new["paths"]["/v1/decide"]["post"]["responses"]["418"] = {}
    assert broken(promised, new) == []


def test_fields_that_the_door_knows_are_those_of_the_document():
    assert set(DecideRequest.model_fields) == FIELDS
    assert set(ShownNow.model_fields) == SHOWN_FIELDS
    with pytest.raises(ValueError, match="'exlude' is no field of a page; did you mean exclude"):
        DecideBatch(requests=[{"profile_id": "a", "title_ids": [1], "exlude": ["1-0"]}])

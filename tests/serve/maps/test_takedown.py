"""Takedown: what nobody may see any more is gone from every page at the next look."""

import asyncio
from dataclasses import replace
from zlib import crc32

import httpx
import numpy as np
import pytest

from data.catalogue import Catalogue
from data.errors import BadInput, Unavailable
from serve.live.app import live_app
from serve.live.recorder import NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.maps.current import Current, put_current
from serve.maps.layout import Layout, layout_key
from serve.maps.lmdb_store import LmdbStore
from serve.maps.lookup import Lookup
from serve.maps.page_urls import PLACEHOLDER
from serve.maps.store import MAGIC
from serve.maps.takedown.instead import ANYTHING, Instead, put_instead, read_instead
from serve.maps.takedown.listed import (
    NAME,
    NOTHING,
    Takedown,
    change_takedown,
    read_takedown,
)
from serve.rules.anybody import for_anybody
from serve.rules.layout_rules import LayoutRules
from serve.rules.takedown import takedown
from tests.export.world import ARTWORKS_TABLE, TITLES_TABLE
from tests.serve.precompute.test_precompute import run, shown
from tests.serve.rules.rules_world import NOON, land, lands, make_traits, rules_of
from tests.serve.world import DAY, make_model

SIX = 5  # a slot of six candidates


def take_down(store, *names, down=True):
    return change_takedown(store, names, down, NOON, "ann", "a court", wait=lambda _: None)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def mapped(store, layout):
    """A store of maps, a client of it, and the artworks of a title by how many maps show them."""
    run(store, facts=lands(60), best=layout.starts[1:] - 1)
    clock = Clock()
    client = Lookup(store, clock=clock)
    return store, client, clock, int(layout.title_ids[SIX])


def urls(client, title, members=60):
    """What some members' pages show, one by one, many at once and by canvas: the same."""
    names = [f"profile-{i:04d}" for i in range(members)]
    one = [client.page(name)[title] for name in names]
    ids = np.array([title])
    assert [client.urls(name, ids)[0] for name in names] == one
    many = client.urls_many(names, np.full((members, 1), title))
    assert many[:, 0].tolist() == one
    assert [client.page(name).canvas("main")[title] for name in names] == one
    return one


def test_every_page_shows_the_next_best_at_the_next_look(mapped):
    store, client, clock, title = mapped
    before = urls(client, title)
    gone = max(set(before) - {f"{title}/5.jpg"}, key=before.count)
    take_down(store, gone.removesuffix(".jpg").replace("/", "-"))
    assert urls(client, title) == before
    clock.now += 1.01
    after = urls(client, title)
    # The best of the title is its last artwork.
    assert after == [f"{title}/5.jpg" if url == gone else url for url in before]
    assert client.reasons["taken_down"] == 4 * before.count(gone)
    take_down(store, gone.removesuffix(".jpg").replace("/", "-"), down=False)
    clock.now += 1.01
    assert urls(client, title) == before


def test_members_without_a_map_and_titles_of_which_nothing_is_left(mapped, layout):
    store, client, clock, title = mapped
    take_down(store, f"{title}-5")
    clock.now += 1.01
    assert client.page("nobody")[title] == f"{title}/0.jpg"  # its default: the best is down
    take_down(store, *(f"{title}-{rank}" for rank in range(5)))
    clock.now += 1.01
    assert set(urls(client, title)) == {client.page("nobody")[title]} == {PLACEHOLDER}
    other = int(layout.title_ids[0])
    assert set(urls(client, other)) == {f"{other}/0.jpg"}


def test_a_list_that_is_damaged_leaves_what_was_known_and_can_be_written_again(mapped):
    store, client, clock, title = mapped
    held = take_down(store, f"{title}-5")
    clock.now += 1.01
    assert client.page("nobody")[title] == f"{title}/0.jpg"
    store.put_shared(NAME, held.to_bytes()[:-3] + b"???")
    clock.now += 1.01
    assert client.page("nobody")[title] == f"{title}/0.jpg"
    assert client.reasons["takedown_damaged"] == 1
    with pytest.raises(ValueError, match="damaged"):
        read_takedown(store)
    again = take_down(store, f"{title}-5", f"{title}-0")
    assert again.version == held.version + 1
    assert Takedown.from_bytes(again.to_bytes()) == again


@pytest.mark.parametrize("kind", [Takedown, Instead])
@pytest.mark.parametrize("said", [b"[]", b"{}", b"[1]", b'{"1": 2}', b"3", b"null", b"", b"{"])
def test_bytes_that_say_something_else_are_refused(kind, said):
    raw = MAGIC + bytes(6) + crc32(said).to_bytes(4) + bytes(4) + (7).to_bytes(8) + said
    if kind is Instead and said == b"{}":
        assert kind.from_bytes(raw) == Instead(7, {})
        return
    with pytest.raises(ValueError, match=r"."):
        kind.from_bytes(raw)


def test_two_who_change_the_list_at_once_both_have_their_change_in_it(store):
    """The second writes between the first's reading and its look back."""
    calls = []

    def meanwhile(_):
        if not calls:
            calls.append(1)
            other = Takedown(1, frozenset({"b"}), ())
            store.put_newer(NAME, other.to_bytes())  # which has not seen the first's

    held = change_takedown(store, ["a"], True, NOON, "ann", "court", wait=meanwhile)
    assert held.artwork_ids == {"a", "b"}
    assert read_takedown(store) == held

    def always(_):
        store.put_newer(NAME, Takedown(read_takedown(store).version, frozenset(), ()).to_bytes())

    with pytest.raises(Unavailable, match="others change"):
        change_takedown(store, ["c"], True, NOON, "ann", "court", wait=always)


def test_what_is_shown_instead_is_what_rules_forbid_to_nobody(mapped, layout):
    """The best is denied somewhere, others soon, or but licensed; one is capped, one free again."""
    store, client, clock, title = mapped
    rules = rules_of(
        layout,
        best=f"effect: deny\nabout: {{artwork: {title}-5}}\nwhere: {{country: DE}}",
        soon=f"effect: deny\nabout: {{artwork: {title}-0}}\nfrom: 2026-02-17T13:00Z",
        shy=f"effect: cap\nshare: 0.3\nabout: {{artwork: {title}-1}}",
        over=f"effect: deny\nabout: {{artwork: {title}-2}}\nuntil: 2026-02-16T00:00Z",
        abroad=f"effect: allow\nabout: {{artwork: {title}-4}}\nwhere: {{country: FR}}",
    )

    def say(its, after):
        put_instead(store, for_anybody(its, layout, NOON + after))

    its = urls(client, title).index(f"{title}/3.jpg")  # a member whose map shows it

    def shown():
        clock.now += 1.01
        return urls(client, title)[its]

    say(LayoutRules.free(layout), 0)
    assert read_instead(store) == ANYTHING  # where there never were rules nothing is said
    say(rules, 1)
    assert read_instead(store).artwork_ids == {
        str(title): ([f"{title}-2", f"{title}-3"], [f"{title}-1"])
    }
    take_down(store, f"{title}-3")
    assert shown() == f"{title}/2.jpg"
    take_down(store, f"{title}-2")
    assert shown() == f"{title}/1.jpg"  # capped, so it was last
    assert client.reasons["taken_down_nothing_left"] == 0
    take_down(store, f"{title}-1")
    assert shown() == PLACEHOLDER  # rather than what somebody may not see
    assert client.reasons["taken_down_nothing_left"] > 0
    say(LayoutRules.free(layout), 0)  # of an earlier moment
    assert shown() == PLACEHOLDER
    say(LayoutRules.free(layout), 2)
    assert shown() == f"{title}/5.jpg"
    store.put_shared("instead", b"damaged")
    take_down(store, f"{title}-5")  # comes through all the same
    assert shown() not in (f"{title}/5.jpg", PLACEHOLDER)
    assert client.reasons["takedown_damaged"] > 0


def test_an_older_list_never_takes_the_place_of_a_newer_one(store):
    take_down(store, "a")
    held = take_down(store, "b")
    assert not store.put_newer(NAME, NOTHING.to_bytes())
    assert read_takedown(store) == held
    assert [change.artwork_id for change in held.changes] == ["a", "b"]


def test_the_next_precompute_draws_without_it(lmdb_store, layout):
    title = int(layout.title_ids[SIX])
    run(lmdb_store, facts=lands(60), now=lambda: NOON / 1e6)
    before = shown(lmdb_store, layout)
    take_down(lmdb_store, f"{title}-1", *(f"{layout.title_ids[0]}-0",))
    taken = read_takedown(lmdb_store).artwork_ids
    rules = LayoutRules.free(layout).without(taken, layout)
    assert rules.bare == {int(layout.title_ids[0])}  # its only artwork: shown by nobody's page
    run(lmdb_store, facts=lands(60), now=lambda: NOON / 1e6 + 60, ruled=rules, changed_only=True)
    after = shown(lmdb_store, layout)
    changed = {key[1] for key in before if before[key] != after[key]}
    assert changed == {title}
    assert all(before[key][1] != after[key][1] for key in before if key[1] == title)
    assert not any(after[key][0] == f"{title}-1" for key in after)


def test_caps_give_way_to_a_takedown_and_licences_do_not(lmdb_store, layout):
    """Two titles: of one, what is left is capped; of the other, licensed for one country."""
    capped, licensed = int(layout.title_ids[2]), int(layout.title_ids[1])
    rules = rules_of(
        layout,
        shy=f"effect: cap\nshare: 0.3\nabout: {{artwork: [{capped}-0, {capped}-1]}}",
        licence=f"effect: allow\nabout: {{artwork: {licensed}-0}}\nwhere: {{country: DE}}",
    ).without({f"{capped}-2", f"{licensed}-1"}, layout)
    assert rules.bare == {licensed}  # France would be left with nothing
    facts = lands(60)
    run(lmdb_store, facts=facts, now=lambda: NOON / 1e6, ruled=rules)
    seen = shown(lmdb_store, layout)
    assert {art for (_, title), (art, *_) in seen.items() if title == capped} == {
        f"{capped}-0",
        f"{capped}-1",
    }
    countries = dict(zip(facts["profile_id"].to_pylist(), map(land, range(60)), strict=True))
    granted = {who for (who, title), (art, *_) in seen.items() if art == f"{licensed}-0"}
    assert granted
    assert {countries[who] for who in granted} == {"DE"}


def test_a_takedown_comes_through_where_rules_tell_as_many_cases_apart_as_may_be(
    layout, monkeypatch
):
    title = int(layout.title_ids[SIX])
    rules = rules_of(layout, no=f"effect: deny\nabout: {{artwork: {title}-0}}")
    monkeypatch.setattr("serve.rules.layout_rules.MOST_CASES", 1)  # as many as the one rule has
    ruled = rules.without({f"{title}-1"}, layout)
    code = int(ruled.book.codes(ruled.case({}, NOON), np.array([SIX]))[0])
    assert ruled.book.effect(code).allowed.tolist() == [False, False, True, True, True, True]


def test_more_artworks_than_the_list_remembers_changes_are_taken_down_at_once(store):
    names = [f"a{at}" for at in range(1500)]
    assert take_down(store, *names).artwork_ids == frozenset(names)
    store.put_newer(NAME, b"no map at all".ljust(40, b"\xff"))
    assert take_down(store, "b").artwork_ids >= {"b"}


def test_live_pages_show_it_no_more(lmdb_store, layout, tmp_path):
    title, lone = (layout.title_ids.tolist()[slot] for slot in (SIX, 0))
    (tmp_path / "manifest.json").touch()

    def load(_):
        return replace(make_model("bundle-1", layout), traits=make_traits(layout))

    source = ModelSource(tmp_path, load, rules=RulesFile(None, tmp_path))
    run(lmdb_store, facts=lands(30), now=lambda: NOON / 1e6)

    async def check():
        live = LiveService(source, NoLog(), lmdb_store, deadline=60.0)
        transport = httpx.ASGITransport(live_app(live))
        async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
            await live.start()

            async def page(member, **more):
                facts = {"tenure_days": float(member)}
                asked = {"profile_id": f"profile-{member:04d}", "title_ids": [title, lone]}
                request = asked | {"facts": facts, "day": DAY} | more
                answer = (await client.post("/v1/decide", json=request)).json()
                return [d["artwork_id"] for d in answer["decisions"]]

            async def ranks():
                return {(await page(member))[0][-1] for member in range(30)}

            assert len(await ranks()) > 3
            take_down(lmdb_store, *(f"{title}-{rank}" for rank in range(4)), f"{lone}-0")
            await asyncio.to_thread(live._look)
            assert await ranks() == {"4", "5"}
            assert (await page(1))[1] == ""  # the placeholder: nothing of the title is left
            for more in ({"profiling": False}, {"fresh": True}):
                assert (await page(1, **more))[0][-1] in ("4", "5")
                assert (await page(1, **more))[1] == ""
            take_down(lmdb_store, f"{lone}-0", f"{title}-0", down=False)
            await asyncio.to_thread(live._look)
            assert (await page(1))[1] == f"{lone}-0"
            assert "0" in await ranks() | {(await page(m, fresh=True))[0][-1] for m in range(30)}
            await live.stop()

    asyncio.run(check())


def test_the_command(layout, tmp_path, monkeypatch):
    monkeypatch.setattr("serve.maps.takedown.listed.SETTLED", 0.0)
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    run(store)
    store.close()
    place, name = str(tmp_path / "maps"), layout.artwork_ids[3]
    with pytest.raises(BadInput, match="--who and --why"):
        takedown([name], place)
    with pytest.raises(BadInput, match="no such artwork"):
        takedown(["nobody"], place, "ann", "court")
    assert takedown([name], place, "ann", "court").artwork_ids == [name]
    listed = takedown(store=place)
    assert [(c.artwork_id, c.down, c.who, c.why) for c in listed.changes] == [
        (name, True, "ann", "court")
    ]
    assert takedown([name], place, "ben", "settled", restore=True).artwork_ids == []


def test_the_command_tells_look_ups_the_rules_of_now(tmp_path, monkeypatch):
    monkeypatch.setattr("serve.maps.takedown.listed.SETTLED", 0.0)
    catalogue = tmp_path / "catalogue"
    Catalogue(catalogue, TITLES_TABLE, ARTWORKS_TABLE).write()
    shown = Layout.of_catalogue(TITLES_TABLE, ARTWORKS_TABLE, DAY)
    store = LmdbStore(tmp_path / "maps", size=1 << 26)
    store.put_shared(layout_key(shown.digest), shown.to_bytes())
    put_current(store, Current(1, shown.digest, None))
    store.close()
    slot = int(np.argmax(shown.counts))
    default = shown.artwork_ids[int(shown.defaults[slot])]
    best, other, *_ = [name for name in shown.candidates(slot) if name != default]
    (tmp_path / "rules.yaml").write_text(
        f"rules:\n  no:\n    effect: deny\n    about: {{artwork: {best}}}\n"
        "    where: {country: DE}\n    who: me\n    why: a test\n"
    )
    place, rules = str(tmp_path / "maps"), tmp_path / "rules.yaml"
    told = takedown([default], place, "ann", "court", rules=rules, catalogue=catalogue)
    assert told.ruled_titles == 1
    client = Lookup(LmdbStore(tmp_path / "maps", readonly=True))
    title = shown.title_ids.tolist()[slot]
    assert client.page("nobody")[title] == shown.paths[shown.artwork_ids.index(other)]


def test_a_store_that_no_page_reads_takes_nothing_down(tmp_path, monkeypatch):
    monkeypatch.setattr("serve.maps.takedown.listed.SETTLED", 0.0)
    wrong = tmp_path / "mops"
    for artworks in (["a"], None):
        with pytest.raises(BadInput, match=r"no store at .*mops"):
            takedown(artworks, str(wrong), "ann", "court")
    assert not wrong.exists()
    LmdbStore(wrong, size=1 << 26).close()
    with pytest.raises(BadInput, match=r"--store .*mops: no maps .* or add --unknown"):
        takedown(["a"], str(wrong), "ann", "court")
    assert takedown(["a"], str(wrong), "ann", "court", unknown=True).artwork_ids == ["a"]

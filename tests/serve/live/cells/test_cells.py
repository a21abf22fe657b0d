"""Members are decided by their cell, and the log says by which; what a caller shows is shown."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import orjson
import pytest

from data.cells.experiment import cell_in
from data.cells.ramp_state import RampState, write_states
from data.cells.written import read_experiments
from data.check.command import check
from data.errors import BadInput
from data.log import decode, encode_page, roll
from data.log.precompute_runs import FolderRuns
from serve.live.app import live_app
from serve.live.cells.arms import LiveArms
from serve.live.door.tokens import Tokens
from serve.live.recorder import DurableLog, NoLog
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.live.shown.follow_rules import RulesFile
from serve.maps.takedown.listed import Takedown
from serve.precompute.cell_members import CellWork
from serve.precompute.member_block import Work
from serve.precompute.precompute import precompute_maps
from serve.scoring.candidate_bank import Bank
from tests.serve.live.test_live import Bundles, page, run
from tests.serve.precompute.test_precompute import logged
from tests.serve.world import DAY, Members, make_facts, make_layout, make_policy, make_vectors

MEMBERS = [f"profile-{at:04d}" for at in range(60)]
FILE = """
salt: one
loops:
  kids: {where: {surface: kids}, bundle: OTHER, policy: uniform}
experiments:
  eyes:
    control: live
    who: anna
    why: new eyes
    cells:
      live: {share: 0.3}
      other: {share: 0.3, bundle: OTHER, epsilon: 0.5}
      hold: {share: 0.2, policy: unpersonalised, train: no}
      theirs: {share: 0.2, policy: own}
"""


class Keep(NoLog):
    """Rows as the log has them."""

    def __init__(self):
        self.rows = []

    def decisions(self, pages):
        self.rows += decode("decisions", [encode_page("decisions", p) for p in pages]).to_pylist()
        return super().decisions(pages)


@pytest.fixture
def bundles(tmp_path):
    made = Bundles(tmp_path)
    made.publish("bundle-1")
    other = tmp_path / "bundle-2"
    other.mkdir()
    (other / "manifest.json").write_text("whole")
    return made


@pytest.fixture
def file(tmp_path):
    written = tmp_path / "experiments.yaml"
    written.write_text(FILE.replace("OTHER", str(tmp_path / "bundle-2")))
    return written


@asynccontextmanager
async def served_in_cells(bundles, file, recorder, store=None):
    def arms(main, batcher, log):
        def source(bundle, _):
            return ModelSource(Path(bundle or bundles.folder / "current"), bundles.load)

        return LiveArms(file, None, main, batcher, log, source, lambda _: store)

    live = LiveService(bundles.source, recorder, deadline=20.0, arms=arms)
    transport = httpx.ASGITransport(live_app(live, Tokens(())))
    async with httpx.AsyncClient(transport=transport, base_url="http://live") as client:
        await live.start()
        yield client, live
        await live.stop()


def shown_of(rank=0):
    layout = make_layout()
    titles = layout.title_ids.tolist()
    return [{"title_id": t, "artwork_id": layout.candidates(s)[rank]} for s, t in enumerate(titles)]


def test_each_cell_decides_its_members_and_the_log_says_so(bundles, file):
    keep = Keep()

    async def check_all():
        async with served_in_cells(bundles, file, keep) as (client, _):
            for member in MEMBERS:
                answer = await client.post("/v1/decide", json=page(member, shown=shown_of()))
                assert answer.status_code == 200, answer.text
            out = [page(member, profiling=False) for member in MEMBERS]
            told = await client.post("/v1/decide/batch", json={"requests": out})
            assert {one["bundle"] for one in told.json()} == {"bundle-1"}
            refused = await client.post("/v1/decide", json=page("ada", cell="mine"))
            assert refused.status_code == 422
            assert "leave it out" in refused.text

    run(check_all())
    experiments = read_experiments(file)
    cells = dict(
        zip(MEMBERS, experiments.cells_of_all(MEMBERS, experiments.named("eyes")), strict=True)
    )
    assert set(cells.values()) == {"live", "other", "hold", "theirs"}
    seen = {}
    for row in keep.rows:
        cell = cell_in(row["cell"], "eyes")
        assert cell == cells[row["profile_id"]]
        seen.setdefault(cell, set()).add((row["bundle"], row["policy"], row["level"]))
        if cell in ("live", "other"):
            chances = dict(zip(row["candidates"], row["probabilities"], strict=True))
            assert chances[row["action"]] == row["propensity"]
            if cell == "other":  # half of it is explored
                assert min(row["probabilities"]) >= 0.5 / len(chances) - 1e-12
    assert seen == {
        "live": {("bundle-1", "thompson", "personalised")},
        "other": {("bundle-2", "thompson", "personalised")},
        "hold": {("bundle-1", "unpersonalised", "unpersonalised")},
        "theirs": {("bundle-1", "shown", "shown")},
    }


def test_a_loop_decides_its_own_pages(bundles, file):
    keep = Keep()

    async def check_all():
        async with served_in_cells(bundles, file, keep) as (client, _):
            await client.post(
                "/v1/decide", json=page("ada", facts={"surface": "kids", "tenure_days": 3.0})
            )

    run(check_all())
    assert {(row["bundle"], row["policy"], row["cell"]) for row in keep.rows} == {
        ("bundle-2", "uniform", None)
    }


def test_bad_experiments_leave_the_last_good_ones_and_are_told(bundles, file):
    good = file.read_text()

    async def check_all():
        async with served_in_cells(bundles, file, NoLog()) as (client, live):
            held = live.arms.experiments
            for bad, words in (
                (good.replace("share: 0.3}", "share: 0.4}"), "sum to 1.1"),
                (good.replace("bundle-2, epsilon", "nowhere, epsilon"), "leads to no bundle"),
            ):
                file.write_text(bad)
                live.arms.look()
                assert live.arms.experiments is held
                assert words in (await client.get("/readyz")).json()["experiments"]
            file.write_text(good.replace("salt: one", "salt: two"))
            live.arms.look()
            assert live.arms.experiments.salt == "two"
            assert (await client.get("/readyz")).json()["experiments"] == ""

    run(check_all())


def test_a_ramp_that_was_stopped_sends_its_members_back_to_control(bundles, file):
    file.write_text(file.read_text() + "    ramp: {cell: other}\n")

    async def check_all():
        async with served_in_cells(bundles, file, NoLog()) as (_, live):

            def now():
                return [live.arms.of(f"m{at}", {}).cell for at in range(400)]

            first = now()
            write_states(file, {"eyes": RampState("other", 2, 0.5)})
            live.arms.look()
            half = now()
            write_states(file, {"eyes": RampState("other", 2, 0.0, phase="stopped")})
            live.arms.look()
            none = now()
            assert 0 <= first.count("eyes:other") < 15
            assert 90 < half.count("eyes:other") < 150
            assert none.count("eyes:other") == 0
            # A step moves members between control and the ramped cell, and nobody else.
            moves = {(a, b) for a, b in zip(first, half, strict=True) if a != b}
            assert moves == {("eyes:live", "eyes:other")}

    run(check_all())


def test_what_a_caller_shows_is_never_changed_and_stands_in_a_log_that_checks_out(
    bundles, tmp_path
):
    layout = make_layout()
    titles = layout.title_ids.tolist()
    rng = np.random.default_rng(3)
    sent = {}

    async def check_all():
        async with served_in_cells(bundles, None, DurableLog(tmp_path / "log")) as (client, _):
            for member in MEMBERS:
                slots = [int(slot) for slot in rng.permutation(len(titles))]
                shown = []
                for slot in slots:
                    names = layout.candidates(slot)
                    one = {"title_id": titles[slot], "artwork_id": str(rng.choice(names))}
                    if member.endswith("7"):
                        one["propensity"] = 1 / len(names)
                    shown.append(one)
                shown[0]["artwork_id"] = "not-in-the-catalogue"
                asked = page(member, shown=shown, request_id=member)
                answer = (await client.post("/v1/decide", json=asked)).json()
                again = (await client.post("/v1/decide", json=asked)).json()
                assert again == answer
                told = {one["title_id"]: one for one in answer["decisions"]}
                for one in shown:
                    assert told[one["title_id"]]["artwork_id"] == one["artwork_id"]
                    assert told[one["title_id"]]["propensity"] == one.get("propensity", 1.0)
                    assert told[one["title_id"]]["url"]
                    name = told[one["title_id"]]["decision_id"]
                    assert (name is None) == (one["artwork_id"] == "not-in-the-catalogue")
                    if name is not None:
                        sent[name] = one
            wrong = await client.post("/v1/decide", json=page(shown=[{"title_id": 1}]))
            assert wrong.status_code == 422

    run(check_all())
    roll(tmp_path / "log")
    rows = {row["decision_id"]: row for row in logged(tmp_path / "log").to_pylist()}
    assert rows.keys() == sent.keys()
    for name, row in rows.items():
        assert row["action"] == sent[name]["artwork_id"]
        assert row["propensity"] == sent[name].get("propensity", 1.0)
        assert row["level"] == row["policy"] == "shown"
        assert sum(row["probabilities"]) == pytest.approx(1)
        assert len(row["probabilities"]) == len(row["candidates"])
    assert not check(tmp_path / "log" / "decisions").problems


def test_maps_of_a_cell_are_shown_to_its_members_and_logged_under_it(
    bundles, file, tmp_path, lmdb_store
):
    file.write_text(
        FILE.replace("bundle: OTHER, epsilon: 0.5", "store: STORE, epsilon: 0.5")
        .replace("OTHER", str(tmp_path / "bundle-2"))
        .replace("STORE", str(tmp_path / "maps-other"))
    )
    layout, facts = make_layout(), make_facts(60)
    [said] = CellWork.of(file, None).words()
    assert "eyes:live" in said
    assert "eyes:other" not in said  # it has a store
    of_cell = CellWork.of(file, "eyes:other")
    assert of_cell.words() == []
    members, others = of_cell.divided(facts)
    assert 5 < len(members) < 40
    assert len(others) + len(members) == 60
    policy = of_cell.policy(make_policy())
    bank = Bank.of(layout, make_vectors(layout))
    work = Work(Members(), bank, layout, policy, DAY, True, cell=of_cell.cell)
    precompute_maps(work, members, lmdb_store, FolderRuns(tmp_path / "log"), workers=1)
    rows = {row["decision_id"]: row for row in logged(tmp_path / "log").to_pylist()}
    assert {row["cell"] for row in rows.values()} == {"eyes:other"}
    assert policy.head_policy.epsilon == 0.5

    async def check_all():
        async with served_in_cells(bundles, file, NoLog(), lmdb_store) as (client, _):
            for member in members["profile_id"].to_pylist():
                answer = (await client.post("/v1/decide", json=page(member))).json()
                for one in answer["decisions"]:
                    row = rows[one["decision_id"]]
                    assert (row["profile_id"], row["action"]) == (member, one["artwork_id"])
                    assert row["propensity"] == one["propensity"]

    run(check_all())
    with pytest.raises(BadInput, match="no such cell"):
        CellWork.of(file, "eyes:none")
    with pytest.raises(BadInput, match="make no maps"):
        CellWork.of(file, "eyes:hold")


def test_what_the_store_of_a_cell_takes_down_no_page_shows(bundles, file, tmp_path, lmdb_store):
    of_cell = FILE.replace("bundle: OTHER, epsilon: 0.5", "store: maps, epsilon: 0.5")
    file.write_text(of_cell.replace("OTHER", str(tmp_path / "bundle-2")))
    title = int(make_layout().title_ids[5])  # of six artworks

    def source(bundle=None, _=None):
        folder, rules = Path(bundle or bundles.folder / "current"), RulesFile(None, tmp_path)
        return ModelSource(folder, bundles.load, rules=rules)

    def arms(main, batcher, log):
        return LiveArms(file, None, main, batcher, log, source, lambda _: lmdb_store)

    def list_says(version, *names):
        lmdb_store.put_newer("takedown", Takedown(version, frozenset(names)).to_bytes())

    async def check_all():
        live = LiveService(source(), NoLog(), deadline=20.0, arms=arms)
        list_says(1, *(f"{title}-{rank}" for rank in range(5)))
        await live.start()  # and from the first page on

        async def shown():
            due = live.due(None)
            answers = [orjson.loads(await live.answer(page(m, [title]), due)) for m in MEMBERS]
            return {answer["decisions"][0]["artwork_id"] for answer in answers}

        assert await shown() == {f"{title}-5"}
        list_says(2, *(f"{title}-{rank}" for rank in range(4)))
        await asyncio.to_thread(live._look)
        assert await shown() == {f"{title}-4", f"{title}-5"}
        await live.stop()

    run(check_all())

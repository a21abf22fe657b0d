"""`python -m bench cells`: what experiments cost a live page, beside none."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bench.rules.rates import MakeArms, begun, spent_a_page
from bench.serving.live_app import model
from serve.live.cells.arms import LiveArms
from serve.live.micro_batcher import MicroBatcher
from serve.live.recorder import Recorder
from serve.live.reload import ModelSource
from serve.live.service import LiveService
from serve.maps.open_store import open_map_store

ALIKE = """
  {name}:
    layer: {layer}
    control: live
    cells: {{live: {{share: 0.5}}, other: {{share: 0.5{more}}}}}
    who: bench
    why: rates
"""
EPSILON = ", epsilon: 0.2"
FILES = {
    "none": "",
    "one experiment of two cells alike": ALIKE.format(name="one", layer="a", more=""),
    "one whose cells have policies of their own": ALIKE.format(name="one", layer="a", more=EPSILON),
    "three layers": "".join(
        ALIKE.format(name=f"of-{layer}", layer=layer, more="") for layer in "abc"
    ),
}


def cell_rates(times: int = 15, quick: bool = False) -> dict[str, object]:
    """Processor milliseconds of a live page with experiments of several kinds, beside none.

    From request to answer, four clients at once, without HTTP and the disk; services take turns in
    one process. Members of cells are dealt by their ids. Where cells have policies of their own,
    each has a batcher of its own, so fewer pages are decided together.

    Args:
        times: Turns; medians count.
        quick: One turn: to see that it works.
    """
    spent = asyncio.run(_rates(1 if quick else times))
    free = spent["none"]
    return {
        "live_processor_ms_a_page": spent,
        "live_rate_beside_none": {
            name: round(free / its, 3) for name, its in spent.items() if name != "none"
        },
    }


async def _rates(times: int) -> Mapping[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        services = dict[str, LiveService]()
        for at, (name, said) in enumerate(FILES.items()):
            file = Path(folder) / f"experiments-{at}.yaml"
            file.write_text(f"salt: bench\nexperiments:{said}")
            services[name] = await begun(model(), None if not said else _arms(file))
        return await spent_a_page(services, times)


def _arms(file: Path) -> MakeArms:
    def made(main: ModelSource, batcher: MicroBatcher, recorder: Recorder) -> LiveArms:
        def source(_bundle: str | None, _rules: str | None) -> ModelSource:
            return main

        return LiveArms(file, None, main, batcher, recorder, source, open_map_store)

    return made


def show_cells(record: Mapping[str, object]) -> None:
    """Print a line a figure."""
    for name, value in record.items():
        print(f"{name}: {value}")

"""The report: its numbers against the truth, and a page that needs nothing else."""

import json
import re
from html.parser import HTMLParser

import pytest

from data.errors import BadInput
from evaluate.ope.bootstrap import Bootstrap
from evaluate.policies.judge import judge
from evaluate.report.curves import LearningCurves
from evaluate.report.demo import demo, show
from evaluate.report.report import report
from simulate.browsing.log import read_expected

COLD = {
    "random": 0.1,
    "greedy": 0.12,
    "thompson": 0.11,
    "oracle": 0.2,
    "bundle-mean": 0.1,
    "titles": 4,
    "artworks": 3,
    "members": 20,
    "subjects": 9,
    "share_of_oracle": 0.2,
}


@pytest.fixture(scope="module")
def bundle(planted):
    """Reads pixels; a quarter of its heads wants what the others do not."""
    return planted([[1.0, 0, -1.0]] * 3 + [[-1.0, 0, 1.0]], epsilon=0.2, pixels=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two stages, the second too short to log its training."""
    folder = tmp_path_factory.mktemp("run")
    stages = {
        "encoder": "epoch,step,train_loss,validation_loss\n0,9,2.0,\n0,11,,0.5\n1,19,1.0,\n",
        "towers": "epoch,step,validation_loss\n0,3,0.25\n",
    }
    for name, text in stages.items():
        (folder / "curves" / name).mkdir(parents=True)
        (folder / "curves" / name / "metrics.csv").write_text(text)
    return folder


@pytest.fixture(scope="module")
def written(story, bundle, run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    cold = COLD | {"intervals": {name: [0.05, 0.25] for name in COLD}}
    (folder / "cold.json").write_text(json.dumps(cold))
    summary = report(
        str(folder / "report.html"),
        str(story.root),
        bundle,
        truth=str(story.log),
        run=str(run),
        cold_start=str(folder / "cold.json"),
        resamples=100,
    )
    return summary, (folder / "report.html").read_text()


class ParsedPage(HTMLParser):
    """What a page asks for, and what it says outside its scripts."""

    def __init__(self, text):
        super().__init__()
        self.wanted, self.words, self.tag = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tag = tag
        self.wanted += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        if self.tag not in ("script", "style"):
            self.words.append(data)


def test_takes_are_the_true_ones(story, bundle, written):
    names = {"random": "random", "greedy": f"{bundle}:greedy", "thompson": bundle}
    expected = read_expected(story.log)
    found = judge(
        story.examples,
        story.catalogue,
        list(names.values()),
        expected=expected,
        bootstrap=Bootstrap(100),
    )
    takes = written[0]["take_fractions"]
    for name, policy in names.items():
        assert takes[name] == pytest.approx(found.truth[policy], abs=1e-12)


def test_takes_have_intervals_and_nothing_beats_the_oracle(written):
    takes, intervals = written[0]["take_fractions"], written[0]["intervals"]
    assert list(takes) == ["random", "bundle-table", "greedy", "thompson", "oracle"]
    assert max(takes, key=takes.get) == "oracle"
    for name, value in takes.items():
        assert intervals[name][0] < value < intervals[name][1]


def test_every_policy_has_every_estimate(written):
    for made in written[0]["estimates"].values():
        assert list(made) == ["replay", "ips", "snips", "dm", "dr"]


def test_the_page_leads_with_the_estimate_to_read_and_dims_the_others(written):
    summary, page = written
    assert summary["read"] == "dr"
    verdicts = {name: e["verdict"] for name, e in summary["estimates"]["greedy"].items()}
    assert verdicts["dr"] == "trust"
    assert verdicts["dm"] == "do not use"
    table = page.split('<table class="estimates">')[1].split("</table>")[0]
    headings = re.findall(r"<th( class=\"dim\")?>([^<]+)</th>", table.split("</tr>")[0])
    assert headings == [
        ("", "policy"),
        ("", "DR, to read"),
        *((' class="dim"', name) for name in ("REPLAY", "IPS", "SNIPS", "DM")),
    ]
    assert table.count("do not use") == len(summary["estimates"])
    assert table.count("no interval<") == len(summary["estimates"])
    assert "nan" not in table


def test_the_page_asks_the_network_for_nothing(written):
    wanted = ParsedPage(written[1]).wanted
    assert wanted
    assert all(value.startswith("data:image/webp;base64,") for value in wanted)
    assert "@import" not in written[1]
    assert not re.search(r"url\(\s*['\"]?http", written[1].split("<script>")[0])


def test_the_page_shows_posters_charts_and_what_to_do_next(story, written):
    page = ParsedPage(written[1])
    words = " ".join(page.words)
    names = [name for name in story.catalogue.titles["name"].to_pylist() if name in words]
    assert len(names) == 3
    assert len(re.findall(r'<figure class="chosen">', written[1])) == 9
    for chart in ("takes", "estimates", "calibration", "learning", "cold_start"):
        assert f'id="chart-{chart}"' in written[1]
    assert "What to do next" in words
    assert "python " in words.split("What to do next")[1]


def test_without_truth_takes_are_doubly_robust_estimates(story, bundle, run, tmp_path):
    examples = tmp_path / "examples"
    examples.symlink_to(story.root / "examples")
    said = report(
        str(tmp_path / "report.html"),
        str(examples),
        bundle,
        str(story.root / "catalogue"),
        run=str(run),
        resamples=100,
        where="facts.surface = 'home'",
    )
    home = sum(facts["surface"] == "home" for facts in story.examples["facts"].to_pylist())
    assert said["log"]["decisions"] == home < len(story.examples)
    assert "facts.surface = &#39;home&#39;" in (tmp_path / "report.html").read_text()
    assert not said["exact"]
    assert "oracle" not in said["take_fractions"]
    for name, value in said["take_fractions"].items():
        assert value == said["estimates"][name]["dr"]["value"]


def test_the_demo_ends_with_takes_the_report_and_what_to_do_next(
    story, bundle, run, tmp_path, capsys
):
    for name, where in (("held_out", "examples"), ("log", "log"), ("catalogue", "catalogue")):
        (tmp_path / name).symlink_to(story.root / where)
    show(demo(str(tmp_path), bundle, str(run), resamples=100))
    said = json.loads((tmp_path / "summary.json").read_text())["take_fractions"]
    assert set(said) == {"random", "bundle-table", "greedy", "thompson", "oracle"}
    shown = capsys.readouterr().out
    assert f"{said['thompson']:.4f}" in shown
    assert "nan" not in shown
    after = shown.split("report.html")[1]
    assert after.count("python ") == 4
    assert (tmp_path / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize("text", ["", "[]", '{"random": 0.1}'])
def test_another_file_is_no_cold_start(story, bundle, run, tmp_path, text):
    (tmp_path / "cold.json").write_text(text)
    with pytest.raises(BadInput, match=r"cold\.json"):
        report(
            str(tmp_path / "report.html"),
            str(story.root),
            bundle,
            run=str(run),
            cold_start=str(tmp_path / "cold.json"),
        )
    assert not (tmp_path / "report.html").exists()


def test_curves_are_read_by_stage(run):
    found = LearningCurves.read(run)
    assert found is not None
    assert [stage.name for stage in found.stages] == ["encoder", "towers"]
    assert found.stages[0].training == [(10, 2.0), (20, 1.0)]
    assert found.stages[0].validation == [(12, 0.5)]
    assert found.stages[1].training == []


def test_a_folder_without_curves_is_no_run(tmp_path):
    with pytest.raises(BadInput, match=r"metrics\.csv"):
        LearningCurves.read(tmp_path)

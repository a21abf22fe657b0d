"""A number that serving cannot use is refused where it is written, and where it is read."""

import orjson
import pytest

from data.bundle import Manifest, content_hash
from data.errors import BadInput
from export.graphs.manifest import seal
from export.publish.staging import staging
from model.training.settings import Publish
from tests.export.small import small_bundle

WRONG = [
    ("policy", "epsilon", -0.5),
    ("policy", "epsilon", 1.5),
    ("policy", "epsilon", True),
    ("policy", "epsilon", "0.1"),
    ("policy", "epsilon", None),
    ("policy", "kind", "softmax"),
    ("policy", "salt", -1),
    ("policy", "salt", 1.5),
    ("policy", "salt", True),
    ("policy", "heads", 0),
    ("policy", "heads", 10**6),
    ("calibration", "temperature", 0),
    ("calibration", "temperature", -1.0),
    ("calibration", "bias", "0"),
    (None, "dimension", 0),
    (None, "dimension", 2**40),
    (None, "image", {"height": 0, "width": 5}),
    (None, "image", {"height": 72, "width": 10**6}),
]


@pytest.fixture
def sound(tmp_path):
    return orjson.loads((small_bundle(tmp_path / "sound", 1) / "manifest.json").read_bytes())


@pytest.mark.parametrize(("within", "name", "value"), WRONG)
def test_a_number_out_of_range_is_refused_at_both_doors(sound, tmp_path, within, name, value):
    (sound if within is None else sound[within])[name] = value
    del sound["bundle_id"]
    # As somebody would seal it who writes manifests by hand: its id is that of its content.
    resealed = sound | {"bundle_id": f"20260101-000000-{content_hash(sound)}"}
    with pytest.raises(BadInput, match=name):
        Manifest.parse(orjson.dumps(resealed), "m")
    root = tmp_path / "root"
    with pytest.raises(BadInput, match=name), staging(root) as part:
        seal(part, root, {key: value for key, value in sound.items() if key != "files"})
    assert not [path for path in root.iterdir() if not path.name.startswith(".")]


@pytest.mark.parametrize(
    "field", [{"epsilon": -0.5}, {"epsilon": float("nan")}, {"salt": -1}, {"salt": 2**64}]
)
def test_training_that_could_not_be_published_does_not_begin(field):
    with pytest.raises(BadInput, match=next(iter(field))):
        Publish(**field)

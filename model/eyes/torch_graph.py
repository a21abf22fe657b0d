"""A torch module as a graph from pixels."""

import warnings

import torch
from onnx import inliner
from torch import nn

from model.eyes.pixel_graph import IMAGE, OPSET, FeatureGroup, PixelGraph, forget_source


def torch_graph(
    module: nn.Module, size: tuple[int, int], groups: tuple[FeatureGroup, ...], key: str
) -> PixelGraph:
    """What a module says of uint8 images of one size.

    Args:
        module: gives an output a group.
        size: height and width of the images.
        groups: what it gives.
        key: of the graph.
    """
    image = torch.randint(0, 256, (3, 3, *size), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own exporter, about its own code
        program = torch.onnx.export(
            module.eval(),
            (image,),
            input_names=[IMAGE],
            output_names=[group.name for group in groups],
            dynamic_shapes=({0: "rows"},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None, "the exporter gives a program"
    model = program.model_proto
    if model.functions:
        model = inliner.inline_local_functions(model)
    forget_source(model)
    return PixelGraph(model, groups, key)

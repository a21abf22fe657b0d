"""Eyes: what sees a picture without learning from rewards, as ONNX graphs from uint8 pixels.

Each gives groups of numbers. May import `data`; knows no network, heads or training.
"""

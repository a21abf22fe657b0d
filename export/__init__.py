"""Torch to ONNX, checked for parity, and bundles that are published whole or not at all."""

"""Torch to ONNX, checked for parity, and bundles that are published whole or not at all.

May import `model`, `data` and `bandit`; what serves or evaluates reads its bundles, never its code.
"""

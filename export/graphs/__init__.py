"""A fitted network to ONNX graphs, checked for parity and sealed as a bundle.

May import `model`, `data` and `bandit`.
"""

"""What runs in production: scorer, precompute, map store, look-up, live service, fallbacks.

May import `bandit` and `data`; never torch: a bundle's ONNX graphs are all it needs.
"""

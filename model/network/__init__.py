"""The network: image encoder, context tower, their product, its losses.

May import `data` and `model.heads.interface`; no files are read here.
"""

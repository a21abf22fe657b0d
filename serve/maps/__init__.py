"""Artwork maps: their bytes, the stores that keep them, the client that looks them up.

May import `bandit` and `data`; never a scorer: pages need no model.
"""

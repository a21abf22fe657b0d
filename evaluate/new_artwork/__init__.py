"""Artwork that nobody has seen: what it would earn, and cold start in a known world.

May import `evaluate.ope`, `evaluate.policies`, `serve.scoring`, `simulate` and `data`.
"""

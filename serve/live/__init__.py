"""Decisions over HTTP under a deadline, and what pages fall back on.

May import `serve.scoring`, `serve.maps`, `bandit` and `data`.
"""

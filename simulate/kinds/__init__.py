"""Titles with several kinds of assets, few enough that every combination is enumerated.

May import `bandit`, `data` and `simulate/world`.
"""

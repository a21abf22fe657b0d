"""Rows of titles before members, small enough that every possible row is enumerated.

May import `bandit` and the rooms of `simulate` that hold the artwork world and its pages.
"""

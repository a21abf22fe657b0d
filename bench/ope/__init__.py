"""Off-policy estimates: coverage, real logs, ten million decisions.

May import every room.
"""

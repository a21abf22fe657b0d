"""Measurements, each beside a peer or a limit in the same run.

May import every room; nothing imports it.
"""

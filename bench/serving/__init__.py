"""Serving: look-ups, precompute, the live service, and what happens when parts break.

May import every room.
"""

"""Propensities: days of members who look again until they play, every estimate beside the truth.

May import every room.
"""

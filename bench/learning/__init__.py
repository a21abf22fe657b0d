"""Regret: Marquee's heads and the field's bandits on the same rounds.

May import every room.
"""

"""Weeks of members whose trust what they were shown moves, and with it visits, plays and staying.

May import `simulate.world` and `simulate.browsing`; arrays in and out, every policy's truth by
roll-outs with the same random numbers.
"""

"""Probation: how much is risked on new artwork, what a log says of it, and the rules that follow.

May import `data` and the experiments' sequential intervals; it writes rules, and decides nothing.
"""

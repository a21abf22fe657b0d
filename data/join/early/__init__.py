"""Rewards that take weeks: what is seen of them so far, and what is expected in the end.

May import the join's rewards and `data`'s records; the join and its day files import it.
"""

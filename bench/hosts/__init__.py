"""Several hosts whose Redis servers, clusters, drains, publishers and object stores fail.

What is promised all the same is looked at on real servers, all on loopback, that are stopped,
killed, filled, set otherwise and made to lie.
"""

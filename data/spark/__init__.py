"""Spark sessions: the one that a command runs under, or a new one; what executors need of us.

May import `data`; a join and a precompute stand above it.
"""

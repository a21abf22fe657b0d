"""Decisions, impressions and engagement joined into examples: one SQL text, two engines.

May import `data` and `bandit`; an engine knows the protocol, never the command.
"""

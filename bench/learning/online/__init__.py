"""Bandits that learn after each round: features, settings, schedule and policy.

May import every room but `bench.learning` itself.
"""

"""A/B tests: allocation, power, sequential intervals, readouts.

May import `evaluate.ope` and `data`.
"""

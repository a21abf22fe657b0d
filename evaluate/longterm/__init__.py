"""Rewards that take weeks to come: what is known of them early, and what a policy earns of them.

NumPy and SciPy, arrays in and out; may import `evaluate.ope`, whose estimators it uses.
"""

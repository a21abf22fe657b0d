"""Off-policy evaluation: feedback, estimators, their intervals and diagnostics.

NumPy and SciPy; may import `bandit` and `data`; knows no bundle.
"""

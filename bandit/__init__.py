"""The decision rules: scores per head to probabilities to a choice and its propensity.

NumPy and SciPy only; nothing here reads files, knows artwork or keeps state between calls.
"""

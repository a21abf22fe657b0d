"""A row decided jointly: slots in reading order, each given what stands left of it.

NumPy and SciPy only, arrays in and out; may import `bandit.rules` and the root of `bandit`.
"""

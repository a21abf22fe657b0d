"""Several kinds of assets decided together: artwork, then what is read beside it.

NumPy and SciPy only, arrays in and out; may import the root of `bandit`.
"""

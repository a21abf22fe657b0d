"""What a picture shows, read from its features by what the catalogue says for free.

May import `data.features` and the modules of `data` itself; NumPy and SciPy alone, no rewards.
"""

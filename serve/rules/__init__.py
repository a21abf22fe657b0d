"""Rules held against what is shown: for a layout's titles, for members and for pages.

May import `data`, `bandit` and `serve.maps`; precompute and the live service decide by it.
"""

"""Bandit test beds with known regret: wheel, digits, rounds of artwork.

May import `simulate.world`, `simulate.browsing`, `data` and `bandit`.
"""

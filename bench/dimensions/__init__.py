"""Artwork, synopsis, evidence and trailer decided together, beside every combination's exact value.

One file a question; the policy lies in `bandit/kinds`, the world in `simulate/kinds`.
"""

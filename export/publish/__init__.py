"""Bundles in a store: published whole or not at all, pulled, rolled back, pruned.

May import `data`; never torch.
"""

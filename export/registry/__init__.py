"""Bundles in a registry of models, with where each came from.

May import `data` alone: a bundle is registered as it lies in its folder.
"""

"""Cells that grow in steps, and are stopped where they are shown to do harm.

May import `evaluate.experiments`, `evaluate.metrics` and `data`.
"""

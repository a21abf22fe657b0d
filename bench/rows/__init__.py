"""Rows decided jointly, and judged off-line, beside the exact value of every possible row.

One file a question; what is measured lies in `bandit/rows` and `evaluate/slate`.
"""

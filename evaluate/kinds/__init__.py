"""Decisions of several kinds of assets, judged off-line, and what each kind adds.

May import `evaluate/ope`, `evaluate/policies` and `evaluate/slate`.
"""

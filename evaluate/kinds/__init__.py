"""Decisions of several kinds of assets, judged off-line, and what each kind adds.

Nothing of `simulate`; may import `evaluate/ope`, `evaluate/policies` and `evaluate/slate`.
"""

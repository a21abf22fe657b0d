"""Decisions of several kinds of assets, judged off-line, and what each kind adds.

May import `evaluate/ope`; nothing of `simulate`.
"""

"""Policies and bundles judged on a log: probabilities, tables, segments, the gate.

May import `evaluate.ope`, `serve.scoring` and `data`.
"""

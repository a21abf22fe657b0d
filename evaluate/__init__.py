"""Judging a policy before, during and after: off-policy estimates, experiments, monitoring.

May import `bandit`, `data`, `simulate` and `serve`; never torch: a model is asked by its bundle.
"""

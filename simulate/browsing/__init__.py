"""Members that browse pages under a policy, and the log that comes of it.

May import `simulate.world`, `simulate.anomalies`, `data` and `bandit`.
"""

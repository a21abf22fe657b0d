"""Is the running product what it says it is: propensities, rewards, drift, by day.

May import `evaluate.ope`, `evaluate.policies` and `data`.
"""

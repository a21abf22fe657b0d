"""Who is in which cell of which experiment, and what a cell decides by: `experiments.yaml`.

May import `bandit` and `data.schema`.
"""

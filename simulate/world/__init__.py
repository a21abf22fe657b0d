"""The true world: titles, members, tastes, and what each artwork truly earns.

May import `simulate.posters`, `data` and `bandit`.
"""

"""Which artwork works for whom over a whole catalogue, and who is on what is shown to whom.

May import `evaluate.ope` and `data`; it reads joined examples and knows no bundle.
"""

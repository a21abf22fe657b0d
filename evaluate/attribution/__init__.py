"""What of an engagement is the artwork's and what the title's, and what change does.

May import `evaluate.policies` and `data`.
"""

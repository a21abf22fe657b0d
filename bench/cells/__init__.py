"""What control over experiments is worth: ramps that stop, and what is learnt beside a caller.

May import `bench`, `evaluate` and `data`.
"""

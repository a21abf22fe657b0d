"""Rules: who may be shown what, as part of the policy: before probabilities, and exact in them.

NumPy alone, like the room around it: conditions, effects, contradictions, bounded probabilities.
"""

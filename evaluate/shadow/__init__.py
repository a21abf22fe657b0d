"""What Marquee would have earned where a caller showed its own artwork, and when to switch.

May import `evaluate.ope` and `data`.
"""

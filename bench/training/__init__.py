"""Training: speed beside the naive way, growth, increments, processes.

May import every room.
"""

"""The log and the join: rates, growth, and records after kill -9.

May import every room.
"""

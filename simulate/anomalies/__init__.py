"""Logs with everything that goes wrong in logs, and what the join must make of them.

May import `data`.
"""

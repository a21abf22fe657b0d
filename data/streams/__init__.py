"""Logs on brokers, read into a folder as the join reads it, with members' names kept as in logs.

May import `data.log`, `data.privacy` and what lies below them.
"""

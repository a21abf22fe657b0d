"""Servers that logs and maps are kept on: how a client of Redis is made, for both; a free port.

May import the root of `data` and `data.command_line`; nothing here imports Arrow.
"""

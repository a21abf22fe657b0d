"""Public data sets, one file each, into the project's own records.

May import `data`.
"""

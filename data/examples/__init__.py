"""Joined examples as they are read back: streams, profiles, features as of then.

May import `data`; never the join that wrote them.
"""

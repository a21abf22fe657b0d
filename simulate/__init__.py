"""Worlds whose truth is known: titles and posters, members and their pages, bandit test beds.

May import `bandit` and `data`; never torch, and nothing that learns reads a `truth/` folder.
"""

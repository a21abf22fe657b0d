"""A theatre's posters and visitors, with facts of its own and an exact truth: a stranger's data.

May import every room but `loop`; nothing of the poster simulator is used.
"""

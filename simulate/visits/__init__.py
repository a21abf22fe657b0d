"""The same members as clients of the running product, page by page.

May import the rooms of worlds and browsing, `simulate.kinds` and `data`; speaks HTTP to the rest.
"""

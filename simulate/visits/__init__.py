"""The same members as clients of the running product, page by page.

May import `simulate.world`, `simulate.browsing` and `data`; speaks HTTP to the rest.
"""

"""Image files to pixels: decoded apart from the process, kept in a cache by content.

May import `data`; knows no model.
"""

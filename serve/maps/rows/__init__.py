"""Rows of pages out of maps: what a map keeps of each title for them, and who draws them.

May import the rest of `serve.maps`; NumPy and the standard library beside it: page servers have
no more.
"""

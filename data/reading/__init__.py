"""What was sent in, in the form that all readers take: exact files, facts out of JSON.

May import the modules of `data` itself; every room that reads may import it.
"""

"""The command line that all rooms share: dispatcher, options, and their former names.

May import the root of `data`.
"""

"""What is wrong with the pages that decisions or examples say they are of.

May import `data`; reads, and changes nothing.
"""

"""What is wrong with a catalogue, a log or examples, by file, column and row.

May import `data`; reads, and changes nothing.
"""

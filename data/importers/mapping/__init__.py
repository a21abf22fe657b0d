"""Files of any layout read as Marquee's records, by a map that says which column is what.

May import the root of `data`, `data.reading` and `data.check`; its commands are in `importers`.
"""

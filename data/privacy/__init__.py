"""What becomes of a person's data: names in place of ids, and being forgotten.

May import `data.log` and what lies below it.
"""

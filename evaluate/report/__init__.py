"""One HTML file that says what policies earn, and for whom.

May import the other rooms of `evaluate`.
"""

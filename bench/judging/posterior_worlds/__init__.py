"""The posterior of the heads and the share of its doubt that is explored, on worlds of its own.

What judges the fit or the exploring of hierarchical heads stands here, with the worlds it needs.
"""

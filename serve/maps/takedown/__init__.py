"""Takedown: artwork that nobody is shown from now on, whatever maps say, and who asked for it.

May import the rest of `serve.maps`; what a precompute or a live page makes of it is a rule.
"""

"""What a title can be shown with beside its artwork: synopses, trailers, evidence, row titles.

May import the root of `data`; `data/check` imports it.
"""

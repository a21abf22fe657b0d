"""Reference values by other people's code, computed again by the product's own estimators.

One file a kind of folder; reads arrays and files, and asks `evaluate` for every number.
"""

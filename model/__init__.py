"""The learner, in torch: image encoder, towers, heads and losses.

May import `data`; serving never imports it.
"""

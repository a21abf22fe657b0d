"""Each eye and each part of what is read of pictures: what it costs, and what it earns.

May import every room but `loop`; `bench.strangers` for a world that is not ours.
"""

"""Long runs and hostile clients: what the live service takes, and what other clients notice.

May import `bench.faults`, `bench.servers` and `bench.small_demo`.
"""

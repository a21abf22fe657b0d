"""What a user relies on when processes, disks, clocks, stores and clients fail; and a long run.

May import `bench.servers`, `bench.small_demo`, `bench.logs` and what they measure.
"""

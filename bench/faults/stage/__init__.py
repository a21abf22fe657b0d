"""What faults happen on and are counted by: a small product, its processes, disks, callers.

May import `bench.servers`, `bench.small_demo`, `bench.logs` and what they measure.
"""

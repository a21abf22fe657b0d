"""What is put up for several hosts to fail on: a cluster, a product, all of deploy/ on loopback.

May import `bench.faults.stage`, `bench.hosts.object_store`, `bench.servers` and `bench.small_demo`.
"""

"""Executors of Spark that die, or share nothing with the driver: rows of `bench.hosts`."""

from bench.hosts.fault import HostFault

BREAKAGES: tuple[HostFault, ...] = ()

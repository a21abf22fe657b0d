"""Spark beside DuckDB, the local engine and the truth: the same rows and maps, on real executors.

May import every room.
"""

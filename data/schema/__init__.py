"""What the facts are: those that Marquee comes with, and those that a user declares beside them.

May import the modules of `data` itself; features, checks and every room that reads facts import it.
"""

from data.schema.fact import Fact
from data.schema.schema import SCHEMA_FILE, SHIPPED, Schema, read_schema, write_schema

__all__ = ["SCHEMA_FILE", "SHIPPED", "Fact", "Schema", "read_schema", "write_schema"]

"""What a measurement can do without: why it is left out where it is not installed."""

import shutil
from importlib.util import find_spec


def why_no_redis() -> str | None:
    """Why nothing can be measured on Redis here; None if it can."""
    if shutil.which("redis-server") is None:
        return "redis-server is not on this machine"
    return why_no_package("redis")


def why_no_package(name: str) -> str | None:
    """Why an optional package cannot be used; None if it can."""
    return None if find_spec(name) else f"{name} is not installed"


def why_no_spark() -> str | None:
    """Why nothing can be run on Spark here; None if it can."""
    if shutil.which("java") is None:
        return "java is not on this machine; Spark needs version 17 or later"
    return why_no_package("pyspark")

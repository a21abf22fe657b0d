"""Hypothesis without deadlines, which noisy machines miss; under CI the same examples each time.

Spark's JVMs live for seconds here: their second compiler costs more than it gives.
"""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")

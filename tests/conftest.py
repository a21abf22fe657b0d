"""Hypothesis without deadlines, which noisy machines miss; under CI the same examples each time.

Spark's JVMs live for seconds here: their second compiler costs more than it gives. Libraries of
linear algebra take one thread in each process: two workers on two cores, each with two threads
that wait for each other by spinning, take seven times as long.
"""

import os

from hypothesis import settings

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):  # read when the libraries are loaded
    os.environ.setdefault(threads, "1")

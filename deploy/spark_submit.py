"""What spark-submit starts: `spark-submit … deploy/spark_submit.py serve precompute …`.

The words after it are those of `python -m`: a room, a command of it and its options.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    if len(sys.argv) < 2 or not (root / sys.argv[1] / "__main__.py").is_file():
        print(__doc__, file=sys.stderr)
        raise SystemExit(2)
    sys.path.insert(0, str(root))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)

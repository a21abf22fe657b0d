import subprocess
import sys

REFUSING = """
import importlib.abc, pkgutil, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "lightning", "torchvision"):
            raise ImportError(f"serve must not import {name}")

sys.meta_path.insert(0, Refuse())
import serve
for module in pkgutil.walk_packages(serve.__path__, "serve."):
    if module.name != "serve.__main__":
        __import__(module.name)
        print(module.name)
"""


def test_serving_imports_no_torch():
    done = subprocess.run(
        [sys.executable, "-c", REFUSING], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "serve.maps.lookup" in done.stdout.split()

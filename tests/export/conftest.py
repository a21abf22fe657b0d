import fsspec
import pytest

from tests.export.world import make_bundle, make_network


@pytest.fixture(scope="session")
def network():
    """In training, as when a checkpoint is exported between two epochs."""
    return make_network().train()


@pytest.fixture(scope="session")
def bundle(network, tmp_path_factory):
    """A bundle that was exported once; tests copy it before they change it."""
    return make_bundle(tmp_path_factory.mktemp("exported"), network=network)


@pytest.fixture
def memory_store():
    """An empty store in memory, by its URL."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    yield "memory://models/store"
    memory.store.clear()

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Networks are tiny here: threads would wait for each other, and two workers for four."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

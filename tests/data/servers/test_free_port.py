"""A free port is none that the system gives to connections. About 0.1 s."""

import socket

import pytest

from data.servers import free_port as module
from data.servers.free_port import HANDED_OUT, free_port


@pytest.mark.skipif(not HANDED_OUT.is_file(), reason="this system does not say what it hands out")
def test_no_connection_is_given_a_port_that_a_server_waits_for():
    first, last = map(int, HANDED_OUT.read_text().split())
    if first - module.LOWEST < 1_000:
        pytest.skip(f"this system hands out ports from {first} on, nearly all")
    ports = {free_port() for _ in range(200)}
    assert len(ports) > 150
    assert not any(first <= port <= last for port in ports)
    assert min(ports) >= module.LOWEST


def test_a_port_that_somebody_listens_on_is_not_free(tmp_path, monkeypatch):
    said = tmp_path / "range"
    said.write_text(f"{module.LOWEST + 1_000}\t60999\n")
    monkeypatch.setattr(module, "HANDED_OUT", said)
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        taken.listen()
        found = {free_port() for _ in range(3_000)}
    assert port not in found
    assert max(found) < module.LOWEST + 1_000


def test_where_all_are_handed_out_the_system_is_asked(tmp_path, monkeypatch):
    said = tmp_path / "range"
    said.write_text("1024\t65535\n")
    monkeypatch.setattr(module, "HANDED_OUT", said)
    assert 1024 <= free_port() <= 65_535

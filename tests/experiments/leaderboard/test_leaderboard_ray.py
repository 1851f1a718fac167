"""Episodes side by side in a Ray cluster."""

import socket
import tempfile

import pytest
from test_leaderboard import (
    TABLES,
    WHO,
    content,
    ended,
    start,
)

pytest.importorskip("ray")


@pytest.fixture
def temporary(monkeypatch):
    """A folder of temporary files for Ray alone; its sockets need a short path."""
    with tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield folder


@pytest.mark.slow
def test_a_cluster_gives_the_same_table_and_goes_on(tmp_path, temporary):
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 2, "object_store_memory": 100_000_000, "include_dashboard": False}
    try:
        cluster = Cluster(initialize_head=True, head_node_args=node)
    except Exception as error:  # Ray has no class of its own for what goes wrong here
        pytest.skip(f"Ray does not start here: {error}")
    try:
        joined = start(tmp_path / "far", *WHO, "--processes", "2", "--address", cluster.address)
        assert ended(joined) == ""
        assert cluster.head_node.any_processes_alive()
    finally:
        cluster.shutdown()
    assert joined.returncode == 0
    assert ended(start(tmp_path / "here", *WHO, "--processes", "1")) == ""
    assert content(tmp_path / "far", TABLES) == content(tmp_path / "here", TABLES)


def test_where_no_cluster_answers_the_address_is_named(tmp_path, temporary):
    process = start(tmp_path / "b", *WHO, "--processes", "2", "--address", "127.0.0.1:1")
    assert "No Ray cluster answers at --address 127.0.0.1:1" in ended(process)
    assert process.returncode == 2


@pytest.mark.slow
def test_what_listens_and_is_no_cluster_is_not_waited_for(tmp_path, temporary):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        process = start(tmp_path / "b", *WHO, "--processes", "2", "--address", address)
        _, told = process.communicate(timeout=120)  # Ray by itself tries for ten minutes
    assert f"No Ray cluster answers at --address {address}" in told
    assert process.returncode == 2

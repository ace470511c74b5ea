"""How the app's server is started."""

from fbn.ui.server import command, environment


def test_the_server_listens_on_this_machine_alone(monkeypatch):
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    assert "--server.address=127.0.0.1" in command(port=9000)
    assert "--server.port=9000" in command(port=9000)


def test_every_library_keeps_to_one_thread():
    assert environment()["OMP_NUM_THREADS"] == "1"

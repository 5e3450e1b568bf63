"""The server of a running episode: what it answers, and to whom."""

from __future__ import annotations

import http.client
import socket

import pytest

from coglab.config import UserError
from coglab.replay import file as replay_file
from coglab.replay.live import LiveViewer
from tests.replay import browser
from tests.replay.conftest import record


@pytest.fixture
def viewer():
    recorder, _ = record(steps=40)
    steps = {"now": 10}

    def document():
        recorder.steps = steps["now"]
        return recorder.document()

    live = LiveViewer(lambda: steps["now"], document)
    yield live, steps
    live.close()


def _get(live, path, host=None, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_the_page_and_the_replay_so_far_are_served(viewer):
    live, steps = viewer
    status, text = _get(live, "/")
    assert (status, b"coglab replay" in text) == (200, True)
    status, data = _get(live, "/replay.json.z?since=-1")
    assert (status, replay_file.unpack(data)["steps"]) == (200, 10)
    assert _get(live, "/replay.json.z?since=10") == (204, b"")
    steps["now"] = 12
    status, data = _get(live, "/replay.json.z?since=10")
    assert (status, replay_file.unpack(data)["steps"]) == (200, 12)
    assert _get(live, "/replay.json.z?since=x")[0] == 200


def test_it_listens_on_this_machine_only(viewer):
    assert viewer[0]._server.server_address[0] == "127.0.0.1"
    assert viewer[0].address == f"http://127.0.0.1:{viewer[0].port}/"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1"])
def test_requests_under_another_name_get_nothing(viewer, host):
    assert _get(viewer[0], "/", host=host) == (403, b"")


@pytest.mark.parametrize("path", ["/../etc/passwd", "//etc/passwd", "/x", "/replay.json.z/../x"])
def test_there_are_two_addresses_and_no_files(viewer, path):
    assert _get(viewer[0], path) == (404, b"")


def test_nothing_can_be_sent_to_it(viewer):
    assert _get(viewer[0], "/", method="POST")[0] == 501


def test_a_port_that_is_taken_is_refused_in_words():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="port=0"):
            LiveViewer(lambda: 0, dict, port=taken.getsockname()[1])


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))
def test_a_browser_follows_the_episode_as_it_grows(viewer):
    live, steps = viewer
    window = browser.Browser()
    try:
        window.open(live.address)
        window.wait("return coglab.steps === 10 && coglab.step === 10")
        steps["now"] = 25
        window.wait("return coglab.steps === 25 && coglab.step === 25", seconds=20)
        assert [line for line in window.complaints() if "favicon" not in line] == []
    finally:
        window.close()

import make_docs
import pytest

from coglab.games.cogsguard.stats import AGENT_STATS, COLLECTIVE_STATS, GAME_STATS
from coglab.tracking.names import check_name


@pytest.mark.parametrize("path", list(make_docs.PAGES))
def test_the_page_says_what_the_code_says(path):
    written = (make_docs.ROOT / path).read_text(encoding="utf-8")
    assert written == make_docs.PAGES[path](), f"run `python tools/make_docs.py` to renew {path}"


def test_every_statistic_of_the_game_is_a_metric():
    for name in AGENT_STATS:
        check_name(f"env_agent/{name}")
    for name in COLLECTIVE_STATS:
        check_name(f"env_collective/cogs/{name}")
        check_name(f"env_collective/clips/{name}")
    for name in GAME_STATS:
        check_name(f"env_game/{name}")

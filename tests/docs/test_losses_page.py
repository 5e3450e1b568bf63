"""docs/10-losses.md links a page for every loss; each names its settings with defaults, its metrics and its sources."""

import re
from pathlib import Path

import pytest
import torch

from coglab.config.layers import show_value
from coglab.tools.teacher_spelling import LOSS_OF_MODE, MODES
from coglab.tracking.names import METRICS, check_name
from coglab.training.config import LossesConfig, TrainerConfig
from coglab.training.losses.combined import combined_loss
from tests.training.test_losses import make_batch, make_outputs

DOCS = Path(__file__).parents[2] / "docs"
OVERVIEW = (DOCS / "10-losses.md").read_text(encoding="utf-8")
LOSSES = tuple(LossesConfig.model_fields)
PAGES = {name: (DOCS / "losses" / f"{name}.md").read_text(encoding="utf-8") for name in LOSSES}
OFF = {name: {"enabled": False} for name in LOSSES}


def logged_by(name):
    """Metrics of a loss, from running it in each of its forms."""
    shape = (4, 5)
    batch = make_batch(
        *shape,
        teacher_log_probs_STU=torch.zeros(*shape, 3, dtype=torch.float64),
        teacher_value_ST=torch.zeros(shape, dtype=torch.float64),
    )
    _, outputs = make_outputs(batch)
    forms = [{"critic_update": c} for c in ("mse", "gtd_lambda")] if name == "ppo_critic" else [{}]
    found = set()
    for form in forms:
        config = TrainerConfig(losses={**OFF, name: {"enabled": True, **form}})
        found |= set(combined_loss(batch, outputs, config)[1])
    if name.startswith("eer"):
        found.add("eer_bonus")
    if name == "eer_cloner":  # the teacher never leads there
        found -= {metric for metric in found if metric.endswith("teacher_led")}
    return {f"losses/{metric}" for metric in found}


@pytest.mark.parametrize("name", LOSSES)
def test_the_overview_links_a_page_for_every_loss(name):
    assert f"(losses/{name}.md)" in OVERVIEW
    page = PAGES[name]
    assert page.startswith(f"# {name}\n")
    for heading in (
        "## Formula",
        "## Rows",
        "## Settings",
        "## Metrics",
        "## Known failure",
        "## Source",
    ):
        assert heading in page, heading
    sources = page[page.index("## Source") :]
    assert re.search(r"\b(19|20)\d\d\b", sources)


@pytest.mark.parametrize("name", LOSSES)
def test_a_page_has_every_setting_with_its_default_and_no_other(name):
    config = LossesConfig.model_fields[name].default
    settings = PAGES[name][PAGES[name].index("## Settings") :]
    rows = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", settings[: settings.index("\n## ")], re.M))
    assert rows.keys() == type(config).model_fields.keys()
    for key, shown in rows.items():
        value = getattr(config, key)
        is_number = isinstance(value, float | int) and not isinstance(value, bool)
        assert float(shown) == value if is_number else shown == show_value(value), key


@pytest.mark.parametrize("name", LOSSES)
def test_a_page_names_every_metric_of_its_loss_and_only_ones_that_exist(name):
    named = set(re.findall(r"`((?:losses|experience|teacher)/[a-z_]+)`", PAGES[name]))
    for metric in named:
        check_name(metric)
    assert logged_by(name) <= named


@pytest.mark.parametrize("mode", MODES)
def test_every_teacher_mode_is_on_the_page_of_its_loss_with_its_keys(mode):
    page = PAGES[LOSS_OF_MODE[mode]]
    assert f"`{mode}`" in page
    for key in MODES[mode].model_fields:
        assert key in page or key == "mode", key


def test_no_metric_of_the_losses_is_on_no_page():
    text = OVERVIEW + "".join(PAGES.values())
    named = set(re.findall(r"`(losses/[a-z_]+)`", text))
    assert {name for name in METRICS if name.startswith("losses/")} - named == {"losses/total_loss"}
    for name in re.findall(r"`((?:losses|experience|teacher)/[a-z_]+)`", OVERVIEW):
        check_name(name)

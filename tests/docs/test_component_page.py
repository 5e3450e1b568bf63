"""The worked example of docs/11-add-a-component.md works as written."""

import re
from pathlib import Path

import torch

from coglab.models import registry
from coglab.models.build import build_network
from coglab.models.config import FastConfig

PAGE = Path(__file__).parents[2] / "docs" / "11-add-a-component.md"


def test_the_example_becomes_a_part_of_a_network(monkeypatch):
    (source,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    registry.find_component("actor_mlp")  # registers the stock parts
    monkeypatch.setattr(registry, "_COMPONENTS", dict(registry._COMPONENTS))
    exec(compile(source, str(PAGE), "exec"), {"__name__": "gated_mlp"})
    network = build_network(FastConfig(components={"actor_mlp": "gated_mlp"}))
    assert type(network.actor_mlp).__name__ == "GatedMlp"
    encoder = network.make_encoder(2, 2)
    inputs = {k: torch.from_numpy(v).unsqueeze(1) for k, v in encoder.allocate().items()}
    out = network(inputs, network.initial_state(2), torch.ones(2, 1, dtype=torch.bool))
    assert out.logits_STU.shape == (2, 1, 12)

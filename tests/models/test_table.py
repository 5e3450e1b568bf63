import pytest

from coglab.models.build import build_network
from coglab.models.config import CortexConfig, FastConfig, VitConfig
from coglab.models.table import render_table


@pytest.mark.parametrize(
    "config",
    [FastConfig(), VitConfig(), FastConfig(cortex=CortexConfig(pattern="G[A,Ag]L", width=32))],
)
def test_the_table_counts_every_parameter_once(config):
    network = build_network(config)
    rows = network.table()
    assert sum(row.parameters for row in rows) == network.num_parameters
    assert {row.component for row in rows if row.flops == 0} <= {"obs_attr_embed_fourier"}
    lines = render_table(network)
    assert lines[0].split()[0] == "component"
    assert f"{network.num_parameters:,}" in lines[-1]
    assert len(lines) == len(rows) + 2

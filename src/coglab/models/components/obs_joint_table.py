"""`obs_joint_table`: the first layer of `fast`, a sum of table rows."""

from __future__ import annotations

from coglab.models.ops.summed_table import SummedTable
from coglab.models.registry import component
from coglab.models.spec import BuildSpec

TOKEN_IDS, ALL_IDS = 33, 72
"""Facts of a typical observation without and with map memory."""


@component("obs_joint_table")
class ObsJointTable(SummedTable):
    """`relu(bias + sum of the rows of all facts)`: as good as a dense layer over one-hot facts, at the cost of adds.

    A fact is a joint (cell, feature, value): a plain sum of separate embeddings of cell and feature would lose
    *which* object is *where*.

    Source: Nasu 2018, "Efficiently updatable neural-network-based evaluation functions" (NNUE).
    """

    def __init__(self, spec: BuildSpec) -> None:
        typical = ALL_IDS if spec.config.map_memory else TOKEN_IDS
        super().__init__(spec.shim.rows.num_rows, spec.config.table_width, typical)

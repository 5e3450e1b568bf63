"""The table of a network's components, as text."""

from __future__ import annotations

from coglab.models.network import Network

HEAD = ("component", "shape", "parameters", "FLOPs / agent-step")


def render_table(network: Network) -> list[str]:
    """Write one line per component, and one with the sums and the size of the recurrent state.

    Args:
        network: any network.

    Returns:
        Lines of equal width.
    """
    rows = [(r.component, r.shape, f"{r.parameters:,}", f"{r.flops:,}") for r in network.table()]
    flops = sum(row.flops for row in network.table())
    total = ("total", f"state {network.state_size}", f"{network.num_parameters:,}", f"{flops:,}")
    widths = [max(len(row[i]) for row in (HEAD, total, *rows)) for i in range(4)]
    left = [str.ljust, str.ljust, str.rjust, str.rjust]
    return [
        "  ".join(
            put(text, width) for put, text, width in zip(left, row, widths, strict=True)
        ).rstrip()
        for row in (HEAD, *rows, total)
    ]

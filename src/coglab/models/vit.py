"""`vit`: tokens are embedded one by one and read by cross-attention, then the core and the heads."""

from __future__ import annotations

from torch import Tensor

from coglab.models.components.obs_attr_embed_fourier import EMPTY
from coglab.models.network import Network


class VitNetwork(Network):
    """Made for GPUs: fixed shapes, no transfer from the device within an evaluation.

    Args:
        config: a `VitConfig`.
        game: the game.
    """

    observation_slots = ("obs_attr_embed_fourier", "obs_perceiver_latent", "obs_map_memory")

    def _build_observation_parts(self) -> int:
        self.obs_attr_embed_fourier = self._build("obs_attr_embed_fourier", 0)
        token_width = self.obs_attr_embed_fourier.out_width
        self.obs_perceiver_latent = self._build("obs_perceiver_latent", token_width)
        width: int = self.obs_perceiver_latent.out_width
        self.obs_map_memory = (
            self._build("obs_map_memory", width) if self.config.map_memory else None
        )
        return width

    def observe(self, inputs: dict[str, Tensor]) -> Tensor:
        """Read `tokens [R, K, 3] uint8`, `walls [R, 16] uint8` and, if used, `memory_ids [R, K'] int16`."""
        tokens = inputs["tokens"]
        if tokens.device.type == "cpu":
            # Padding weighs nothing; on a CPU cutting it off is cheap, on a GPU it would be a transfer.
            longest = int((tokens[..., 0] != EMPTY).sum(1).max()) if len(tokens) else 0
            tokens = tokens[:, : max(1, longest)]
        embedded, is_real = self.obs_attr_embed_fourier(tokens)
        features = self.obs_perceiver_latent(embedded, is_real, inputs["walls"])
        if self.obs_map_memory is not None:
            features = features + self.obs_map_memory(inputs["memory_ids"])
        return features

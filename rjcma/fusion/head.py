"""The regression layers: an MLP from the multimodal features of a frame to its prediction."""

from __future__ import annotations

from torch import Tensor, nn


class Head(nn.Module):
    """A multi-layer perceptron applied to each frame, (B, d, K) -> (B, K).

    It has one hidden layer, and ends in tanh because annotations lie in [-1, 1] (ours: the paper
    specifies neither).
    """

    def __init__(self, inputs: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.mT).squeeze(-1).tanh()

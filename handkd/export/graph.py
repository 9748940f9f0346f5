"""The whole of an exported graph: from a crop to joints."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handkd.apis.inference_network import HandNetwork
from handkd.apis.topdown_network import TopdownNetwork
from handkd.models.data_preprocessors.normalisation import normalisation_of

from .decoders import CubeDecoder, decoder_of
from .inputs import ColourInput, DepthInput
from .ports import Port
from .topdown import TopdownDecoder


class ExportGraph(nn.Module):
    """A trained network with its normalisation and decoding, on tensors alone.

    Args:
        network: The network with the steps of its config's test pipeline, on the CPU.

    Raises:
        ConfigError: If there is no way to decode the output of the head, or to normalise the input.

    Attributes:
        inputs: The graph's inputs, the crop first.
        outputs: The graph's outputs.
        decoder: The decoder of the head.
    """

    def __init__(self, network: HandNetwork | TopdownNetwork) -> None:
        super().__init__()
        self.model, size = network.model, network.facts.crop.size
        normalisation = normalisation_of(self.model.data_preprocessor, network.facts.modality, 'the network')
        topdown = isinstance(network, TopdownNetwork)
        self.decoder = TopdownDecoder(self.model.head) if topdown else decoder_of(self.model.head)
        self._by_modality = not topdown
        if network.facts.depth is None:
            self.first = ColourInput(size, normalisation)
        else:
            self.first = DepthInput(size, normalisation, network.facts.depth)
        if isinstance(self.decoder, CubeDecoder):
            self.decoder.edge = network.facts.depth.cube
        further = [port for port in self.decoder.extra if port not in self.first.ports]
        self.inputs: tuple[Port, ...] = (*self.first.ports, *further)
        self.outputs: tuple[Port, ...] = self.decoder.ports
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs, in the order of ``outputs``, from the inputs, in the order of ``inputs``."""
        given = {port.name: tensor for port, tensor in zip(self.inputs, inputs, strict=True)}
        images = self.first(*(given[port.name] for port in self.first.ports))
        return self.decoder(self.run(images), given)

    def run(self, images: Tensor) -> object:
        """Return the output of the head.

        Args:
            images: Normalised crops, shape (B, C, S, S).
        """
        return self.model({self.first.modality: images} if self._by_modality else images, None, 'tensor')

    def example(self, batch: int = 2) -> tuple[Tensor, ...]:
        """Return inputs of a plausible hand, as a trace of the graph needs them."""
        size = self.inputs[0].shape[0]
        camera = torch.tensor([[20.0 * size, 0, size / 2], [0, 20.0 * size, size / 2], [0, 0, 1]])
        values = {
            'image': torch.full((batch, size, size, 3), 128, dtype=torch.uint8),
            'depth': torch.full((batch, size, size), 500.0),
            'K': camera.expand(batch, 3, 3).contiguous(),
            'center_mm': torch.tensor([0.0, 0.0, 500.0]).expand(batch, 3).contiguous(),
            'scale_mm': torch.zeros(batch),
        }
        return tuple(values[port.name] for port in self.inputs)

"""Last part of an exported graph: from a head's output to joints, one class per kind of head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handkd.codecs import CropCameras
from handkd.codecs.cpm_heatmap import largest
from handkd.hand import BONES, JOINTS, NUM_JOINTS
from handkd.hints import ConfigError
from handkd.models.heads import (
    CubeHead,
    Latent25DHead,
    LatentPoseHead,
    PixelPoseHead,
    PoseHead,
    PoseMachineHead,
    XYZHead,
)

from .dark import refine
from .ports import CAMERA, CENTER, CROP_FRAME, PIXELS, SCALE, Port

_SHORTEST = 1e-3


class Decoder(nn.Module):
    """Base of the decoders.

    Args:
        head: The network's head.

    Attributes:
        task: The network's task, one of :data:`handkd.inference.onnx_metadata.TASKS`.
        unit: Unit of its pose.
        extra: Inputs of the graph that it needs besides the crop.
        ports: Its outputs.
    """

    task: str
    unit: str
    extra: tuple[Port, ...] = ()

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head
        self.ports = self._ports()

    def _ports(self) -> tuple[Port, ...]:
        raise NotImplementedError

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints."""
        return JOINTS

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints (parent, child)."""
        return BONES

    @property
    def scale_bone(self) -> tuple[str, str] | None:
        """Names of the joints whose distance is the unit of the pose; None for another unit."""
        if self.unit != 'hand_scale':
            return None
        return tuple(JOINTS[joint] for joint in self.head.codec.scale_bone)

    @property
    def mean_scale_mm(self) -> float | None:
        """Mean length of the scale bone in training, mm; None if not known."""
        return None

    def forward(self, output: object, extras: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs in the order of ``ports``, from the head's output and the graph's further inputs."""
        raise NotImplementedError

    def predictions(self, outputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return a file's outputs as the head's ``predict`` gives them, for metrics.

        Args:
            outputs: Arrays over the batch by the names of ``ports``, in their units.
            data_samples: One ``PoseDataSample`` per image; with labels the head places the joints at the true root.

        Returns:
            Arrays over the batch by name.
        """
        return outputs


class XYZDecoder(Decoder):
    """Joints relative to a root, in units of the scale bone (PMD-Net)."""

    task, unit = '3d', 'hand_scale'

    def _ports(self) -> tuple[Port, ...]:
        root = JOINTS[self.head.codec.root]
        return (Port('keypoints_xyz', (NUM_JOINTS, 3), 'hand_scale', frame=CROP_FRAME, root=root),)

    def forward(self, output: object, extras: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return ``keypoints_xyz`` (B, 21, 3), units of the scale bone, axes of the crop's camera."""
        return (self.head.pose_of(output).float(),)

    def predictions(self, outputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the joints as the head does; see :meth:`Decoder.predictions`."""
        return self.head.joints_of(outputs['keypoints_xyz'], data_samples)


class PixelPoseDecoder(XYZDecoder):
    """Joints in the image and in space, and the side, of a network that needs no camera."""

    def _ports(self) -> tuple[Port, ...]:
        left = Port('left', (), meaning='probability that the hand is a left one')
        return (*super()._ports(), Port('keypoints', (NUM_JOINTS, 2), PIXELS), left)

    def forward(self, output: object, extras: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return joints (B, 21, 3), units of the scale bone; pixels (B, 21, 2) of the crop; probabilities (B,)."""
        return output.xyz.float(), self.head.codec.pixels(output.places), output.left.sigmoid()

    def predictions(self, outputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the joints as the head does; see :meth:`Decoder.predictions`."""
        return super().predictions(outputs, data_samples) | {name: outputs[name] for name in ('keypoints', 'left')}


class LatentPoseDecoder(XYZDecoder):
    """Joints of a network that standardises millimetres (view synthesis), which knows the hand's size."""

    def _ports(self) -> tuple[Port, ...]:
        size = Port('hand_scale_mm', (), 'mm', meaning='predicted length of the scale bone')
        return (*super()._ports(), size)

    def forward(self, output: object, extras: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return ``keypoints_xyz`` (B, 21, 3), units of the scale bone, and the bone's length (B,), mm."""
        joints = self.head.statistics.restore(self.head.pose_of(output).float())
        start, end = self.head.codec.scale_bone
        length = (joints[:, end] - joints[:, start]).norm(dim=-1).clamp(min=_SHORTEST)
        root = self.head.codec.root
        return (joints - joints[:, root : root + 1]) / length[:, None, None], length

    def predictions(self, outputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the joints as the head does; see :meth:`Decoder.predictions`."""
        joints = outputs['keypoints_xyz'] * outputs['hand_scale_mm'][:, None, None]
        return self.head.joints_of(self.head.statistics.standardise(joints), data_samples)


class Latent25DDecoder(Decoder):
    """2.5D poses (EKD): pixels, and joints in space at the root's depth that the pose itself determines."""

    task, unit, extra = '2.5d', 'hand_scale', (CAMERA, SCALE)

    def _ports(self) -> tuple[Port, ...]:
        return (
            Port('keypoints', (NUM_JOINTS, 2), PIXELS),
            Port('keypoints_xyz', (NUM_JOINTS, 3), 'hand_scale', frame=CROP_FRAME, root=JOINTS[self.head.codec.root]),
            Port('keypoints_cam', (NUM_JOINTS, 3), 'mm', frame="the crop's camera, " + CROP_FRAME),
        )

    @property
    def mean_scale_mm(self) -> float | None:
        """Mean length of the scale bone in training, mm; None if it is no bone, or the network is not trained."""
        bone = tuple(sorted(self.head.codec.scale_bone))
        if bone not in BONES or not self.head.bones.count:
            return None
        return float(self.head.bones.mean[BONES.index(bone)])

    def forward(self, output: object, extras: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return pixels (B, 21, 2) of the crop; joints (B, 21, 3), root-relative, in units of the scale bone; mm."""
        codec, pose, scale = self.head.codec, self.head.pose_of(output).float(), extras['scale_mm']
        camera = CropCameras(extras['K'])
        depth = codec.root_depth(pose, camera).float()
        estimate = codec.decode(pose, camera, depth, torch.ones_like(depth))
        factor = self.head.bones.scale_of(estimate)
        if factor is not None:
            scale = torch.where(scale > 0, scale, factor)
        return codec.pixels(pose), codec.decode_relative(pose, camera, depth), estimate * scale[:, None, None]

    def predictions(self, outputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the joints as the head does; see :meth:`Decoder.predictions`."""
        pose = torch.cat([self.head.codec.places(outputs['keypoints']), outputs['keypoints_xyz'][..., 2:]], -1)
        return self.head.joints_of(pose, data_samples)


class CubeDecoder(Decoder):
    """Joints in the metric cube to which depth was cut (weakseg): absolute in space."""

    task, unit, extra = 'cube', 'mm', (CENTER, CAMERA)

    @property
    def joints(self) -> tuple[str, ...]:
        """Names of the joints: the 21, or NYU's 14 by their numbers in that data set."""
        native = self.head.joints.native
        return JOINTS if native is None else tuple(f'nyu_{joint}' for joint in native)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Pairs of joints (parent, child); none of NYU's 14."""
        return BONES if self.head.joints.native is None else ()

    def _ports(self) -> tuple[Port, ...]:
        return (Port('keypoints_cam', (len(self.joints), 3), 'mm', frame="the crop's camera, " + CROP_FRAME),)

    def forward(self, output: object, extras: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return ``keypoints_cam`` (B, J, 3), mm, frame of the crop's camera."""
        codec, pose, depth = self.head.codec, self.head.pose_of(output).float(), extras['center_mm'][:, 2]
        center = codec.center(CropCameras(extras['K']), depth)
        return (codec.decode(pose, center, torch.full_like(depth, self.edge)),)

    def predictions(self, outputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return the joints as the head does; see :meth:`Decoder.predictions`."""
        name = 'keypoints_cam' if self.head.joints.native is None else 'keypoints_cam_native'
        return {name: outputs['keypoints_cam']}

    edge: float = 0.0
    """Edge of the cube in mm, which the depth steps of the config give."""


class HeatmapDecoder(Decoder):
    """Heat maps of a pose machine (PI): the largest pixel of each map, enlarged or refined between its cells."""

    task, unit = '2d', 'px'

    def _ports(self) -> tuple[Port, ...]:
        return (
            Port('keypoints', (NUM_JOINTS, 2), PIXELS),
            Port('keypoint_scores', (NUM_JOINTS,), meaning="each map's maximum"),
        )

    def forward(self, output: list[Tensor], extras: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return pixels (B, 21, 2) of the crop, and scores (B, 21)."""
        codec, maps = self.head.codec, output[-1].float()
        if codec.decoder == 'argmax':
            return codec.decode(maps)
        places, scores = largest(maps)
        return codec.to_input(refine(places, maps), codec.heatmap_size), scores

    def searched(self, output: list[Tensor]) -> Tensor:
        """Return the maps (B, 21, h, w) whose largest pixels are the joints, before any refinement."""
        maps = output[-1].float()
        return self.head.codec.enlarged(maps) if self.head.codec.decoder == 'argmax' else maps


_DECODERS: tuple[tuple[type, type[Decoder]], ...] = (
    (PixelPoseHead, PixelPoseDecoder),
    (XYZHead, XYZDecoder),
    (LatentPoseHead, LatentPoseDecoder),
    (Latent25DHead, Latent25DDecoder),
    (CubeHead, CubeDecoder),
    (PoseMachineHead, HeatmapDecoder),
)


def decoder_of(head: nn.Module) -> Decoder:
    """Return the decoder of a head.

    Raises:
        ConfigError: If there is none for this kind of head.
    """
    for kind, decoder in _DECODERS:
        if isinstance(head, kind):
            return decoder(head)
    own = ', '.join(kind.__name__ for kind, _ in _DECODERS)
    base = ' (a PoseHead with a frame of its own)' if isinstance(head, PoseHead) else ''
    raise ConfigError(f"the head {type(head).__name__}{base} can't be exported: expected a subclass of {own}")

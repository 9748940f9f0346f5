"""View synthesis: representation learning from unlabelled views of a hand, alone or together with poses."""

from __future__ import annotations

from mmengine.model import BaseModel, ModuleDict
from torch import Tensor

from handkd.registry import MODELS

from ..backbones import Latents
from ..distillers import log_gradient_ratios
from ..initialisation import own_random_numbers
from ..targets import labelled_samples, stack_rotations
from ..weight_names import rename_training_only
from .hand_pose_estimator import add_predictions, build_head, choose_inputs
from .view_groups import ViewSources, draw_sources, find_groups, other_sources, relative_rotations, turn_points


@MODELS.register_module()
class ViewSynthesizer(BaseModel):
    """An encoder that learns by synthesising a hand in another camera's view (Mueller et al. 2020).

    A batch has groups of four images, see :mod:`handkd.models.estimators.view_groups`, with each camera's image
    without a hand (``inputs['background']``) and the camera of the crop (``camera['R']`` of the samples). Each image of
    a group is synthesised from the points of the other view of its moment, rotated into its own camera's frame, or from
    its own points; from the appearance of the other moment; and from its own background.

    Without a head this is the first stage of the "pre-trained" networks of section 3.2. With a head it is the
    "semi-supervised" one: the head learns poses from the points before rotation, of those samples alone whose meta
    information has a true ``labelled``, in a group or not; every batch must have at least two of them. In both cases
    the encoder, and the head, are the parts of a ``HandPoseEstimator``, which loads the checkpoint of one of these;
    modules for the views alone are under ``training_only.`` in it. The "supervised" network is that estimator, trained
    from scratch.

    Args:
        backbone (dict): Config of ``GeometryEncoder``.
        decoder (dict): Config of ``ViewDecoder``.
        pixel_loss (dict): Config of the loss between images, Eq. 2. Defaults to dict(type='PixelL1Loss').
        feature_loss (dict, optional): Config of the loss between features of images, Eq. 3: ``FeatureL1Loss``.
            Defaults to None.
        head (dict, optional): Config of the head, such as ``LatentPoseHead``, whose loss has the weight lambda_F of
            Eq. 4. Defaults to None.
        p_swap (float): Probability that an image is synthesised from the other view's points: 0.5 in the code of Rhodin
            et al., 1 in Eq. 2. Defaults to 0.5.
        data_preprocessor (dict): Config of the preprocessor. Defaults to dict(type='HandDataPreprocessor').
        init_cfg (dict, optional): MMEngine initialisation. Defaults to None.

    Raises:
        ValueError: If ``p_swap`` is not in [0, 1], or encoder and decoder don't fit each other.
    """

    modality = 'rgb'
    log_gradients = False
    """Whether a step with a head logs the norm of the views' gradients; set by ``GradientLogHook``."""

    def __init__(
        self,
        backbone: dict,
        decoder: dict,
        pixel_loss: dict = dict(type='PixelL1Loss'),  # noqa: B006 (never changed)
        feature_loss: dict | None = None,
        head: dict | None = None,
        p_swap: float = 0.5,
        data_preprocessor: dict = dict(type='HandDataPreprocessor'),  # noqa: B006 (never changed)
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(MODELS.build(data_preprocessor), init_cfg)
        if not 0 <= p_swap <= 1:
            raise ValueError(f'ViewSynthesizer: p_swap must be from 0 to 1, found {p_swap!r}')
        self.p_swap = p_swap
        self.backbone = MODELS.build(backbone)
        self.head = None if head is None else build_head(head)
        losses = dict(pixel=pixel_loss) | ({} if feature_loss is None else dict(feature=feature_loss))
        # Under the name of training-only modules, which the plain estimator drops from a checkpoint.
        built = dict(decoder=decoder) | {f'{name}_loss': loss for name, loss in losses.items()}
        with own_random_numbers('distillers'):  # another name would change the weights of every seed
            # MMEngine's ModuleDict: with torch's own, `init_cfg` of the modules inside would have no effect.
            self.training_only = ModuleDict({name: MODELS.build(cfg) for name, cfg in built.items()})
        self._register_load_state_dict_pre_hook(rename_training_only)
        self._losses = tuple(losses)
        for name in ('input_size', 'num_points', 'appearance'):
            found, expected = (getattr(network, name) for network in (self.training_only.decoder, self.backbone))
            if found != expected:
                raise ValueError(f'ViewSynthesizer: the backbone has {name}={expected!r}, but the decoder {found!r}')

    def forward(
        self, inputs: dict[str, Tensor], data_samples: list | None = None, mode: str = 'tensor'
    ) -> dict[str, Tensor] | list | Tensor | Latents:
        """Run the network.

        Args:
            inputs: Crops ``rgb`` and ``background``, normalised, each of shape (B, 3, H, W).
            data_samples: One ``PoseDataSample`` per image; needed by 'loss' and 'predict'. Defaults to None.
            mode: 'loss' for the named losses; 'predict' for the samples with predictions; 'tensor' for the head's
                output, or the latents without a head. Defaults to 'tensor'.

        Raises:
            ValueError: If ``mode`` is unknown.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            latents = self.backbone(*choose_inputs(inputs, ['rgb']))
            return latents if self.head is None else self.head(latents)
        raise ValueError(f"mode must be 'loss', 'predict' or 'tensor', found {mode!r}")

    def loss(self, inputs: dict[str, Tensor], data_samples: list) -> dict[str, Tensor]:
        """Return ``loss_pixel``, ``loss_feature`` if there is one, and the head's losses.

        Args:
            inputs: Crops ``rgb`` and ``background``, normalised, each of shape (B, 3, H, W).
            data_samples: One ``PoseDataSample`` per image.

        Raises:
            ValueError: If the batch has no groups, a modality or a camera is missing, or with a head if samples
                have no ``labelled`` in their meta information, or fewer than two are labelled.
        """
        images, backgrounds = choose_inputs(inputs, ['rgb', 'background'])
        latents, grouped = self.backbone(images), find_groups(data_samples)
        sources = draw_sources(len(grouped), self.p_swap, images.device)
        views = self._views(latents, backgrounds, data_samples, grouped, sources)
        losses = {f'loss_{name}': self.training_only[f'{name}_loss'](views, images[grouped]) for name in self._losses}
        if self.head is None:
            return losses
        pose = self._pose_losses(latents, data_samples)
        if self.log_gradients:
            others = {name: losses[f'loss_{name}'] for name in self._losses}
            log_gradient_ratios(self.parse_losses(pose)[0], others, dict(backbone=latents.geometry))
        return losses | pose

    def _pose_losses(self, latents: Latents, data_samples: list) -> dict[str, Tensor]:
        labelled = labelled_samples(data_samples)
        if len(labelled) < 2:
            raise ValueError(
                f'{len(labelled)} of {len(data_samples)} samples of the batch are labelled, but a head that learns '
                'with the views needs two or more in every batch: the sampler must give it a constant share'
            )
        return self.head.loss(latents.take(labelled), [data_samples[place] for place in labelled])

    def _views(
        self,
        latents: Latents,
        backgrounds: Tensor,
        data_samples: list,
        grouped: list[int],
        sources: ViewSources,
        turned: bool = True,
    ) -> Tensor:
        """Synthesise images (G, 3, H, W) for the indices ``grouped`` of the batch; sources are indices into these."""
        latents = latents.take(grouped)
        cameras = stack_rotations([data_samples[i] for i in grouped], backgrounds.device)
        rotations = relative_rotations(cameras, cameras[sources.geometry] if turned else cameras)
        mixed = Latents(latents.appearance[sources.appearance], latents.geometry[sources.geometry])
        return self.synthesise(mixed, rotations, backgrounds[grouped])

    def synthesise(self, latents: Latents, rotations: Tensor, backgrounds: Tensor) -> Tensor:
        """Synthesise images from latents (Mueller et al. 2020, Eq. 1 and 2).

        Args:
            latents: Of B images.
            rotations: From the frame of each source camera of the geometry to that of the target camera, shape
                (B, 3, 3).
            backgrounds: Target cameras' images without a hand, normalised, shape (B, 3, H, W).

        Returns:
            Normalised images, shape (B, 3, H, W).
        """
        return self.training_only.decoder(turn_points(latents.points, rotations), latents.appearance, backgrounds)

    def predict(self, inputs: dict[str, Tensor], data_samples: list) -> list:
        """Add the predictions to each sample.

        A head gives ``pred_instances``, as in ``HandPoseEstimator``. With backgrounds, or without a head, samples in
        groups get ``pred_fields.rgb`` (3, H, W), uint8, channels in the pipeline's order: the sample's own view,
        synthesised from the points of the other view of its moment and the appearance of the other moment; and
        ``pred_fields.unrotated``, the same image of the crop without the rotation of the points into the sample's view,
        which shows the effect of the rotation.
        """
        (images,) = choose_inputs(inputs, ['rgb'])
        latents = self.backbone(images)
        if self.head is not None:
            add_predictions(data_samples, self.head.predict(latents, data_samples))
        if self.head is None or 'background' in inputs:
            (backgrounds,) = choose_inputs(inputs, ['background'])
            grouped = find_groups(data_samples)
            sources = other_sources(len(grouped), images.device)
            images = {
                name: self._views(latents, backgrounds, data_samples, grouped, sources, turned)
                for name, turned in (('rgb', True), ('unrotated', False))
            }
            pixels = {name: self.data_preprocessor.to_pixels(views) for name, views in images.items()}
            add_predictions([data_samples[i] for i in grouped], pixels)
        return data_samples

"""Eq. 4 for several pictures of one person: one latent, a pose for each (docs/method.md#several-pictures)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...guidance.identity import IdentityLoss
from ...guidance.perceptual import Perceptual
from ...networks.arcface import IdentityNet
from ...networks.generator3d import Generator3D
from ..shared.latent_statistics import LatentStatistics
from ..shared.lineage import run_identity
from ..shared.passes import split_views
from ..shared.terms import Losses, Target, weighted_sum
from .config import InversionConfig
from .style_code import StyleCode
from .task import InversionTask


class OnePersonTask(InversionTask):
    """R runs of one latent and N poses each; the loss is the mean over the N pictures.

    Planes are computed once per step and detached, every picture's loss is sent back into them and forgotten,
    and their summed gradient goes through the backbone once: the graph of one picture is alive at a time.
    Poses, and everything else that is per run and picture, stand picture after picture: `[N * R, ...]`.
    """

    def __init__(
        self,
        generator: Generator3D,
        targets: Tensor,
        labels: Tensor,
        start: Tensor,
        statistics: LatentStatistics,
        config: InversionConfig,
        perceptual: Perceptual,
        identity: IdentityNet | None,
        rng: torch.Generator,
        style: StyleCode | None = None,
    ) -> None:
        """`targets` [N,3,H,W] in [-1,1], `labels` [N,25], `start` [R,num_ws,w_dim]."""
        self.count, runs = len(targets), len(start)
        each = targets.split(1)
        wanted = [] if identity is None else [IdentityLoss(identity, one) for one in each]
        super().__init__(
            generator, targets, labels.repeat_interleave(runs, 0), start, statistics, config, perceptual,
            wanted[0] if wanted else None, rng, style,
        )  # fmt: skip

        def of(whole: Tensor, number: int) -> Tensor:
            """One picture's part, for every run; a view, no copy."""
            return whole[number : number + 1].expand(runs, *whole.shape[1:])

        features, image = self.target.features, self.target.image
        self.references = [
            replace(
                self.reference,
                target=Target(of(image, number), [of(feature, number) for feature in features]),
                identity=wanted[number] if wanted else self.reference.identity,
            )
            for number in range(self.count)
        ]
        heads = self.mean_head
        self.mean_heads = [None] * self.count if heads is None else split_views(heads, self.count)

    def backward(self, ws: Tensor, labels: Tensor, coarse: bool) -> tuple[Tensor, Losses]:
        """See `InversionTask.backward`."""
        planes = self.draw(lambda generator: generator.planes(ws))
        wholes = planes, ws, labels
        leaves = [whole.detach().requires_grad_(whole.requires_grad) for whole in wholes]
        loss, parts = self._over_pictures(leaves[0], leaves[1], leaves[2], coarse)
        pairs = [
            (whole, leaf.grad) for whole, leaf in zip(wholes, leaves, strict=True) if leaf.grad is not None
        ]
        torch.autograd.backward([whole for whole, _ in pairs], [grad for _, grad in pairs])
        return loss, parts

    def losses(self, ws: Tensor, labels: Tensor, coarse: bool = False) -> tuple[Tensor, Losses]:
        """Loss per run [R], the mean over the pictures, and its parts; without gradients."""
        with torch.no_grad():
            return self._over_pictures(self.draw(lambda generator: generator.planes(ws)), ws, labels, coarse)

    def _over_pictures(
        self, planes: Tensor, ws: Tensor, labels: Tensor, coarse: bool
    ) -> tuple[Tensor, Losses]:
        """Picture after picture; where gradients are on, they are in the arguments afterwards."""
        total, losses = ws.new_zeros(len(ws)), Losses()
        for number, own in enumerate(labels.chunk(self.count)):
            loss = self._of_picture(number, planes, ws, own, coarse, losses)
            if loss.requires_grad:
                loss.sum().backward()
            total += loss.detach()
        return total, losses

    def _of_picture(
        self, number: int, planes: Tensor, ws: Tensor, labels: Tensor, coarse: bool, losses: Losses
    ) -> Tensor:
        head = self.mean_heads[number]
        view = self.draw(lambda generator: self.view(generator, planes, ws, labels, coarse, head))
        loss = weighted_sum(
            self.weights, view, self.references[number], losses,
            terms=self.terms, share=1 / self.count, per_sample=True,
        )  # fmt: skip
        return loss / self.count

    @torch.no_grad()
    def best(self, picture: int) -> tuple[Tensor, Tensor, int]:
        """ws [1, ...] and number of the best run, and the label [1, 25] of one of its pictures."""
        best, runs = self.best_runs, len(self.best_runs.loss)
        chosen = self._best_run(slice(runs))
        at = picture * runs + chosen
        return best.ws[chosen : chosen + 1].clone(), best.labels[at : at + 1].clone(), chosen

    def code_of(self, picture: int, restart: int) -> Tensor | None:
        """See `InversionTask.code_of`; one code for all pictures."""
        return None if self.style is None else self.best_runs.code[restart]

    @torch.no_grad()
    def _preview(self) -> Tensor:
        """Every picture, and after it what the first run makes of it: `[2 * N, 3, H, W]`."""
        ws, labels = self.ws()[:1], self.pose.labels()[:: len(self.w)]
        planes = self.draw(lambda generator: generator.planes(ws))

        def draw_all(generator: Generator3D) -> list[Tensor]:
            return [generator.render(planes, ws, label).image for label in labels.split(1)]

        made = self.draw(draw_all)
        pairs = zip(self.target.image.split(1), made, strict=True)
        return torch.cat([picture for pair in pairs for picture in pair]).clamp(-1, 1)

    def identity(self) -> str:
        """See `run.Task`: other than that of the same pictures, each of a person of its own."""
        return run_identity(
            method="invert", config=self.config, generator=self.generator, person=self.target.image,
            perceptual=self.perceptual.name,
        )  # fmt: skip

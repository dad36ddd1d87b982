"""The optimisation of Eq. 4: latents and poses of N runs side by side (docs/method.md#inversion)."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ...guidance.depth import depth_difference, depth_smoothness, warp_loss
from ...guidance.identity import IdentityLoss
from ...guidance.perceptual import Perceptual
from ...rendering import cameras
from ..shared.history import History, Record, rng_digest
from ..shared.latent_statistics import LatentStatistics
from ..shared.latent_whitening import LatentWhitening
from ..shared.lineage import run_identity
from ..shared.passes import fit_picture
from ..shared.run import StepInfo, pack_optimizer, unpack_optimizer
from ..shared.schedule import ramp
from .config import InversionConfig
from .pose_residual import PoseResidual

WARP_LAYER = 2
"""Feature map of the LPIPS trunk that the warping loss compares; for VGG16 the third (relu3_3)."""


class InversionTask:
    """N runs in one batch. Losses add up over runs, so that every run has its own gradient."""

    def __init__(
        self,
        generator: nn.Module,
        targets: Tensor,
        labels: Tensor,
        start: Tensor,
        statistics: LatentStatistics,
        config: InversionConfig,
        perceptual: Perceptual,
        identity: IdentityLoss | None,
        rng: torch.Generator,
    ) -> None:
        """`targets` [N,3,H,W] in [-1,1], `labels` [N,25], `start` [N,num_ws,w_dim]."""
        self.generator, self.config, self.perceptual, self.identity_loss = (
            generator,
            config,
            perceptual,
            identity,
        )
        self.targets = fit_picture(targets, generator.resolution)
        self.statistics, self.rng, self.total = statistics, rng, config.steps
        start = start.mean(dim=1, keepdim=True) if config.space == "W" else start
        self.w = (self.units.to_units(start) if config.whiten else start).clone().requires_grad_()
        self.pose = PoseResidual(labels, config.max_rotation, config.optimise_pose)
        groups: list[dict[str, Any]] = [{"params": [self.w], "lr": config.lr_w}]
        if config.optimise_pose:
            groups.append({"params": [self.pose.omega], "lr": config.lr_rotation})
            groups.append({"params": [self.pose.tau], "lr": config.lr_translation})
        self.rates = [float(group["lr"]) for group in groups]
        self.optimizer = torch.optim.Adam(groups, betas=config.betas)
        self.history = History()
        self.curve: list[float] = []  # LPIPS, mean over runs, of full-resolution steps
        self.best_loss = torch.full((len(targets),), math.inf, device=targets.device)
        self.best_w, self.best_labels = self.ws().detach().clone(), labels.clone()
        with torch.no_grad():
            self.features = perceptual.features(self.targets)
            self.reference = self._reference_depth(labels) if config.depth_loss == "consistency" else None

    @cached_property
    def units(self) -> LatentWhitening:
        """Where `whiten` moves the latents, and `w_reg` measures them."""
        return LatentWhitening(self.generator, self.statistics.mean)

    def ws(self) -> Tensor:
        """The latents [N, num_ws, w_dim]; in W space all layers are one vector."""
        ws = self.units.from_units(self.w) if self.config.whiten else self.w
        return ws.expand(-1, self.generator.num_ws, -1)

    def step(self, index: int) -> StepInfo:
        """One Adam step on all latents and poses."""
        config, digest = self.config, rng_digest(self.rng)
        t = index / self.total
        moving = max(0.0, (index - config.pose_preheat) / max(1, self.total - config.pose_preheat))
        factors = [0.0 if index < config.pose_preheat else ramp(moving, config.rampup, config.rampdown)]
        factors += [ramp(t, config.rampup, config.rampdown)] * (len(self.rates) - 1)
        for group, rate, factor in zip(self.optimizer.param_groups, self.rates, factors, strict=True):
            group["lr"] = rate * factor
        coarse = index < config.coarse_share * self.total
        noise = self._noise(moving)
        ws, labels = self.ws(), self.pose.labels()
        loss, parts = self.losses(ws if noise is None else ws + noise, labels, coarse)
        if noise is None and not coarse:
            self._keep_best(loss.detach(), ws.detach(), labels.detach())
            self.curve.append(parts["lpips"])
        self.optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        self.optimizer.step()
        self.pose.clamp()
        parts = {"total": float(loss.detach().mean()), **parts}
        self.history.add(Record(index, "invert", parts, config.lr_w * factors[0], digest))
        return StepInfo(parts, self._preview, stage="invert")

    def losses(self, ws: Tensor, labels: Tensor, coarse: bool = False) -> tuple[Tensor, dict[str, float]]:
        """Loss per run [N] and its parts (means). `coarse`: half the neural resolution."""
        config, chunk = self.config, self.config.ray_chunk
        side = self.generator.neural_rendering_resolution // 2 if coarse else None
        planes = self.generator.planes(ws)
        render = self.generator.render(
            planes,
            ws,
            labels,
            neural_rendering_resolution=side,
            ray_chunk=chunk or None,
            checkpoint=chunk > 0,
        )
        terms = {
            "l2": (config.l2, (render.image - self.targets).square().mean(dim=(1, 2, 3))),
            "lpips": (config.lpips, self.perceptual.distance(self.features, render.image)),
        }
        if self.identity_loss is not None:
            terms["id"] = (config.identity, self.identity_loss(render.image))
        if config.depth > 0 and config.depth_loss != "none":
            terms["depth"] = (config.depth, self._depth(render, planes, ws, labels))
        if config.w_reg > 0:
            terms["w_reg"] = (config.w_reg, self.units.mahalanobis(ws))
        total = sum(weight * value for weight, value in terms.values())
        return total, {name: float(value.detach().mean()) for name, (_, value) in terms.items()}

    def _depth(self, render: Any, planes: Tensor, ws: Tensor, labels: Tensor) -> Tensor:
        if self.config.depth_loss == "tv":
            return depth_smoothness(render.image_depth)
        if self.config.depth_loss == "consistency":
            depth = render.image_depth
            return depth_difference(depth, fit_depth(self.reference, depth.shape[-1]))
        front = cameras.front(len(ws)).to(ws)
        rendered = self.generator.render(planes, ws, front)
        return warp_loss(
            lambda x: self.perceptual.features(x)[WARP_LAYER], rendered, self.targets, labels, front
        )

    def _reference_depth(self, labels: Tensor) -> Tensor:
        """Depth of the average head at the first poses: what "consistency" keeps an inversion close to."""
        mean = self.statistics.mean.expand(len(labels), -1, -1)
        return self.generator.synthesis(mean, labels).image_depth

    def _noise(self, t: float) -> Tensor | None:
        left = max(0.0, 1.0 - t / self.config.w_noise_ramp)
        level = self.config.w_noise * left * left
        if level == 0:
            return None
        noise = torch.randn(self.w.shape, generator=self.rng).to(self.w)
        if self.config.whiten:  # about as long as the plain noise, longer where people differ more
            return self.units.offsets(noise) * (level * noise.shape[-1] ** 0.5)
        return noise * (level * self.statistics.deviation)

    def _keep_best(self, loss: Tensor, ws: Tensor, labels: Tensor) -> None:
        better = loss < self.best_loss
        self.best_loss = torch.where(better, loss, self.best_loss)
        self.best_w = torch.where(better[:, None, None], ws, self.best_w)
        self.best_labels = torch.where(better[:, None], labels, self.best_labels)

    @torch.no_grad()
    def best(self, picture: int) -> tuple[Tensor, Tensor, int]:
        """ws [1, ...], label [1, 25] and the number of the best run of a picture."""
        first = picture * self.config.restarts
        runs = slice(first, first + self.config.restarts)
        if not bool(torch.isfinite(self.best_loss[runs]).any()):  # stopped while noise was still on
            loss, _ = self.losses(self.ws(), self.pose.labels())
            self._keep_best(loss, self.ws(), self.pose.labels())
        chosen = int(self.best_loss[runs].argmin())
        at = slice(first + chosen, first + chosen + 1)
        return self.best_w[at].clone(), self.best_labels[at].clone(), chosen

    def finished(self) -> bool:
        """LPIPS gained less than `stop_gain` over the last `stop_window` steps."""
        window = self.config.stop_window
        if window == 0 or len(self.curve) <= window:
            return False
        return min(self.curve[-window:]) > (1 - self.config.stop_gain) * min(self.curve[:-window])

    @torch.no_grad()
    def _preview(self) -> Tensor:
        """Target and reconstruction of the first run."""
        reconstruction = self.generator.synthesis(self.ws()[:1], self.pose.labels()[:1]).image
        return torch.cat([self.targets[:1], reconstruction]).clamp(-1, 1)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `run.Task`."""
        tensors = {
            "w": self.w.detach(), "omega": self.pose.omega.detach(), "tau": self.pose.tau.detach(),
            "best_loss": self.best_loss, "best_w": self.best_w, "best_labels": self.best_labels,
            "rng": self.rng.get_state(),
        }  # fmt: skip
        facts = {"history": self.history.to_json(), "curve": self.curve}
        return {**tensors, **pack_optimizer(self.optimizer, "adam")}, facts

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """See `run.Task`."""
        self.w.copy_(tensors["w"])
        self.pose.omega.copy_(tensors["omega"])
        self.pose.tau.copy_(tensors["tau"])
        for name in ("best_loss", "best_w", "best_labels"):
            setattr(self, name, tensors[name].to(self.w.device))
        unpack_optimizer(self.optimizer, tensors, "adam")
        self.rng.set_state(tensors["rng"])
        self.history, self.curve = History.from_json(facts["history"]), list(facts["curve"])

    def identity(self) -> str:
        """See `run.Task`."""
        return run_identity(
            method="invert", config=self.config, generator=self.generator, targets=self.targets,
            perceptual=self.perceptual.name,
        )  # fmt: skip


def fit_depth(depth: Tensor, side: int) -> Tensor:
    """A depth map [N, 1, h, w] averaged down to `side`."""
    return depth if depth.shape[-1] == side else nn.functional.interpolate(depth, (side, side), mode="area")

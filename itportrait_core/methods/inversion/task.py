"""The optimisation of Eq. 4: latents and poses of N runs side by side (docs/method.md#inversion)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...guidance.identity import IdentityLoss
from ...guidance.perceptual import Perceptual
from ...networks.generator3d import Generator3D, RenderOutput
from ...rendering import cameras
from ..shared.history import History, Record, rng_digest
from ..shared.latent_statistics import LatentStatistics
from ..shared.latent_whitening import LatentWhitening
from ..shared.lineage import run_identity
from ..shared.memory import with_less_memory
from ..shared.memory_plan import Plan
from ..shared.passes import render_view, target_of
from ..shared.run import StepInfo, pack_optimizer, unpack_optimizer
from ..shared.schedule import ramp
from ..shared.terms import DEPTH_TERMS, TERMS, Losses, Reference, View, needs_of, read_losses, weighted_sum
from .best_runs import BestRuns
from .config import InversionConfig
from .pose_residual import PoseResidual
from .style_code import StyleCode

SIDES = (-45.0, 45.0)
"""Yaw, degrees, from where `clouds` are looked for: the picture itself forbids them on its own side."""
T = TypeVar("T")


class InversionTask:
    """N runs in one batch. Losses add up over runs, so that every run has its own gradient."""

    def __init__(
        self,
        generator: Generator3D,
        targets: Tensor,
        labels: Tensor,
        start: Tensor,
        statistics: LatentStatistics,
        config: InversionConfig,
        perceptual: Perceptual,
        identity: IdentityLoss | None,
        rng: torch.Generator,
        style: StyleCode | None = None,
    ) -> None:
        """`targets` [N,3,H,W] in [-1,1], `labels` [N,25], `start` [N,num_ws,w_dim].

        `style`: what the pictures are drawn in; the generator's own look where None.
        """
        self.generator, self.config, self.perceptual, self.style = generator, config, perceptual, style
        self.moving = style if style is not None and style.trained else None
        self.target = target_of(targets, generator.resolution, perceptual)
        self.statistics, self.rng, self.total = statistics, rng, config.steps
        start = start.mean(dim=1, keepdim=True) if config.space == "W" else start
        self.w = (self.whitening.to_units(start) if config.whiten else start).clone().requires_grad_()
        self.pose = PoseResidual(labels, config.max_rotation, config.optimise_pose)
        groups: list[dict[str, Any]] = [{"params": [self.w], "lr": config.lr_w}]
        if config.optimise_pose:
            groups.append({"params": [self.pose.omega], "lr": config.lr_rotation})
            groups.append({"params": [self.pose.tau], "lr": config.lr_translation})
        if self.moving is not None:
            groups.append({"params": [self.moving.code], "lr": config.lr_style})
        self.rates = [float(group["lr"]) for group in groups]
        self.optimizer = torch.optim.Adam(groups, betas=config.betas)
        self.ray_chunk = config.ray_chunk
        self.plan: Plan | None = None
        self.history = History()
        self.curve: list[float] = []  # LPIPS, mean over runs, of full-resolution steps
        code = labels.new_zeros(0) if style is None else style.code.detach()
        self.best_runs = BestRuns(self.ws(), labels, code)
        self.weights = {"l2": 0.0, "lpips": 0.0, **config.weights()}  # both are recorded in any case
        self.reference = Reference(
            perceptual=perceptual,
            target=self.target,
            mahalanobis=lambda ws: self.whitening.mahalanobis(ws),
        )
        if identity is None:
            self.weights.pop("identity", None)
        else:
            self.reference = replace(self.reference, identity=identity)
        if config.depth_loss == "none":
            self.weights.pop("depth", None)
        self.terms = TERMS | {"depth": DEPTH_TERMS.get(config.depth_loss, TERMS["depth"])}
        self.needs = needs_of(self.weights, self.terms)
        self.mean_head = self._mean_head(labels) if "source" in self.needs else None

    @cached_property
    def whitening(self) -> LatentWhitening:
        """Where `whiten` moves the latents, and `w_reg` measures them."""
        free = self.moving is not None  # then colours belong to the style
        return LatentWhitening(self.generator, self.statistics.mean, all_layers=free)

    def ws(self) -> Tensor:
        """The latents [N, num_ws, w_dim]; in W space all layers are one vector."""
        ws = self.whitening.from_units(self.w) if self.config.whiten else self.w
        return ws.expand(-1, self.generator.num_ws, -1)

    def step(self, index: int) -> StepInfo:
        """One Adam step on all latents and poses."""
        return with_less_memory(lambda: self._step(index), self.rng, [self])

    def _step(self, index: int) -> StepInfo:
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
        self.optimizer.zero_grad(set_to_none=True)
        loss, parts = self.backward(ws if noise is None else ws + noise, labels, coarse)
        if noise is None and not coarse:
            self._keep_best(loss, ws.detach(), labels.detach())
        self.optimizer.step()
        self.pose.clamp()
        numbers = read_losses({"total": loss.mean(), **parts})
        if noise is None and not coarse:
            self.curve.append(numbers["lpips"])
        self.history.add(Record(index, "invert", numbers, config.lr_w * factors[0], digest))
        return StepInfo(numbers, self._preview, stage="invert")

    def backward(self, ws: Tensor, labels: Tensor, coarse: bool) -> tuple[Tensor, Losses]:
        """As `losses`, detached; the gradients of their sum are there afterwards."""
        loss, parts = self.losses(ws, labels, coarse)
        loss.sum().backward()
        return loss.detach(), parts

    def losses(self, ws: Tensor, labels: Tensor, coarse: bool = False) -> tuple[Tensor, Losses]:
        """Loss per run [N] and its parts (means). `coarse`: half the neural resolution."""
        view = self.draw(
            lambda generator: self.view(generator, generator.planes(ws), ws, labels, coarse, self.mean_head)
        )
        losses: Losses = {}
        total = weighted_sum(self.weights, view, self.reference, losses, terms=self.terms, per_sample=True)
        return total, losses

    def view(
        self, generator: Generator3D, planes: Tensor, ws: Tensor, labels: Tensor, coarse: bool,
        mean_head: RenderOutput | None,
    ) -> View:  # fmt: skip
        """What the terms look at; `mean_head` as `_mean_head` gives it, where a term needs it."""
        chunk, side = self.ray_chunk, None
        if coarse:
            side = self.generator.neural_rendering_resolution // 2
        render = generator.render(
            planes, ws, labels,
            neural_rendering_resolution=side, ray_chunk=chunk or None, checkpoint=chunk > 0,
        )  # fmt: skip
        view = View(render, ws=ws, camera=labels)
        if mean_head is not None:
            view = replace(view, source=mean_head)
        if "side" in self.needs:
            view = replace(view, side=self._beside(generator, planes, ws))
        if "front" not in self.needs:
            return view
        front = cameras.front(len(ws)).to(ws)
        return replace(view, front=generator.render(planes, ws, front), front_camera=front)

    def _beside(self, generator: Generator3D, planes: Tensor, ws: Tensor) -> RenderOutput:
        """Opacity of the runs' heads from both sides, at a third of the neural resolution."""
        side = self.generator.neural_rendering_resolution // 3
        both = torch.cat([cameras.orbit(yaw) for yaw in SIDES]).to(ws)
        return render_view(generator, planes, ws, both, side=side, ray_chunk=self.ray_chunk, picture=False)

    def draw(self, function: Callable[[Generator3D], T], code: Tensor | None = None) -> T:
        """`function` of the generator, in the picture's style where there is one, or in that of a code."""
        return function(self.generator) if self.style is None else self.style.draw(function, code)

    @torch.no_grad()
    def _mean_head(self, labels: Tensor) -> RenderOutput:
        """The average head at the first poses: what "consistency" keeps an inversion close to."""
        mean = self.statistics.mean.expand(len(labels), -1, -1)
        return self.draw(lambda generator: generator.synthesis(mean, labels))

    def _noise(self, t: float) -> Tensor | None:
        left = max(0.0, 1.0 - t / self.config.w_noise_ramp)
        level = self.config.w_noise * left * left
        if level == 0:
            return None
        noise = torch.randn(self.w.shape, generator=self.rng).to(self.w)
        if self.config.whiten:  # about as long as the plain noise, longer where people differ more
            return self.whitening.offsets(noise) * (level * noise.shape[-1] ** 0.5)
        return noise * (level * self.statistics.deviation)

    def _keep_best(self, loss: Tensor, ws: Tensor, labels: Tensor) -> None:
        self.best_runs.keep(loss, ws, labels, None if self.moving is None else self.moving.code.detach())

    @torch.no_grad()
    def best(self, picture: int) -> tuple[Tensor, Tensor, int]:
        """ws [1, ...], label [1, 25] and the number of the best run of a picture."""
        first = picture * self.config.restarts
        chosen = self._best_run(slice(first, first + self.config.restarts))
        at = slice(first + chosen, first + chosen + 1)
        return self.best_runs.ws[at].clone(), self.best_runs.labels[at].clone(), chosen

    def _best_run(self, runs: slice) -> int:
        if not bool(torch.isfinite(self.best_runs.loss[runs]).any()):  # stopped while noise was still on
            loss, _ = self.losses(self.ws(), self.pose.labels())
            self._keep_best(loss, self.ws(), self.pose.labels())
        return int(self.best_runs.loss[runs].argmin())

    def code_of(self, picture: int, restart: int) -> Tensor | None:
        """The style code [K] of that run of a picture; None without a style."""
        return None if self.style is None else self.best_runs.code[picture * self.config.restarts + restart]

    def finished(self) -> bool:
        """LPIPS gained less than `stop_gain` over the last `stop_window` steps."""
        window = self.config.stop_window
        if window == 0 or len(self.curve) <= window:
            return False
        return min(self.curve[-window:]) > (1 - self.config.stop_gain) * min(self.curve[:-window])

    @torch.no_grad()
    def _preview(self) -> Tensor:
        """Target and reconstruction of the first run."""
        ws, labels = self.ws()[:1], self.pose.labels()[:1]
        reconstruction = self.draw(lambda generator: generator.synthesis(ws, labels)).image
        return torch.cat([self.target.image[:1], reconstruction]).clamp(-1, 1)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """See `run.Task`."""
        tensors = {
            "w": self.w.detach(), "omega": self.pose.omega.detach(), "tau": self.pose.tau.detach(),
            **self.best_runs.tensors(), "rng": self.rng.get_state(),
        }  # fmt: skip
        if self.moving is not None:
            tensors |= {"code": self.moving.code.detach(), "best_code": self.best_runs.code}
        facts = {"history": self.history.to_json(), "curve": self.curve}
        return {**tensors, **pack_optimizer(self.optimizer, "adam")}, facts

    @torch.no_grad()
    def restore(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """See `run.Task`."""
        self.w.copy_(tensors["w"])
        self.pose.omega.copy_(tensors["omega"])
        self.pose.tau.copy_(tensors["tau"])
        if self.moving is not None:
            self.moving.code.copy_(tensors["code"])
        self.best_runs.restore(tensors)
        unpack_optimizer(self.optimizer, tensors, "adam")
        self.rng.set_state(tensors["rng"])
        self.history, self.curve = History.from_json(facts["history"]), list(facts["curve"])

    def identity(self) -> str:
        """See `run.Task`."""
        return run_identity(
            method="invert", config=self.config, generator=self.generator, targets=self.target.image,
            perceptual=self.perceptual.name,
        )  # fmt: skip

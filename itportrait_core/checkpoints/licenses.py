"""Terms of the published weights, kept in the header of imported files (docs/checkpoints.md#terms)."""

from __future__ import annotations

STYLEGAN2 = (
    "NVIDIA Source Code License: non-commercial. Weights trained on FFHQ: the pictures are CC BY-NC-SA 4.0."
)
ENCODER = (
    "MIT repository (e4e, pSp, ReStyle); weights derive from NVIDIA's StyleGAN2 and FFHQ: non-commercial."
)
DEEP3D = "Deep3DFaceRecon weights derive from the Basel Face Model: academic use, no redistribution."
ARCFACE = "MIT repository (InsightFace_Pytorch); trained on data derived from MS-Celeb-1M: research use."
TORCHVISION = "torchvision, BSD 3-Clause; trained on ImageNet."

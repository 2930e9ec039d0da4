#!/usr/bin/env python3
"""Golden cases for pix2pixHD's two ideas, from PyTorch in float64: several discriminators on halves of the image, and feature matching.

    python bench/peers/multiscale_golden.py tests/golden/sample

writes `multiscale.json` and `multiscale.safetensors`, which `make golden` runs. A case is one training step of the U-Net of
arXiv 1611.07004 in the order of its authors' PyTorch code: D on fake and real pairs and its update, then G against the updated D.
From arXiv 1711.11585, section 3.2 and 3.3, and its code: a PatchGAN of its own for each scale, `AvgPool2d(3, 2, 1)` between them whose
padding is not counted, adversarial losses summed over the scales, and the L1 distance between the features behind each LeakyReLU,
4 / (layers + 1) / scales of it.
"""

import json
import pathlib
import struct
import sys

import torch
from torch import nn
from torch.nn import functional

F32, F64 = torch.float32, torch.float64
LEARNING_RATE, BETAS, EPSILON, LAMBDA_L1 = 2e-4, (0.5, 0.999), 1e-8, 100.0
CASES = [
    dict(name="batch", gan_mode="lsgan", norm="batch", batch=2, num_D=2, n_layers_D=2, lambda_feat=10.0, seed=1),
    dict(name="instance", gan_mode="vanilla", norm="instance", batch=1, num_D=3, n_layers_D=1, lambda_feat=5.0, seed=2),
]
SHAPE = dict(size=32, num_downs=5, ngf=1, ndf=1, input_nc=1, output_nc=1)


def norm_of(kind: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.InstanceNorm2d(channels)


class Level(nn.Module):
    """One resolution of the U-Net. The numbers of its modules are the keys of the state dict."""

    def __init__(self, outside: int, own: int, inside: "Level | None", norm: str):
        super().__init__()
        bias = norm == "instance"
        self.model = nn.Sequential()
        for module in [nn.LeakyReLU(0.2), nn.Conv2d(outside, own, 4, 2, 1, bias=bias)]:
            self.model.append(module)
        if inside is not None:
            self.model.append(norm_of(norm, own))
            self.model.append(inside)
        self.model.append(nn.ReLU())
        self.model.append(nn.ConvTranspose2d(own * (1 if inside is None else 2), outside, 4, 2, 1, bias=bias))
        self.model.append(norm_of(norm, outside))

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        # The skip is what the first module makes of the map, as the in-place LeakyReLU of the authors' code leaves it.
        return torch.cat([functional.leaky_relu(value, 0.2), self.model(value)], 1)


class UNet(nn.Module):
    def __init__(self, case: dict):
        super().__init__()
        ngf, norm = case["ngf"], case["norm"]
        widths = [ngf * min(2**level, 8) for level in range(case["num_downs"])]
        inside = None
        for level in range(case["num_downs"] - 1, 0, -1):
            inside = Level(widths[level - 1], widths[level], inside, norm)
        outermost = nn.Module()
        outermost.model = nn.Sequential(
            nn.Conv2d(case["input_nc"], ngf, 4, 2, 1, bias=norm == "instance"),
            inside,
            nn.ReLU(),
            nn.ConvTranspose2d(2 * ngf, case["output_nc"], 4, 2, 1),
            nn.Tanh(),
        )
        self.model = outermost

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return self.model.model(value)


class PatchGan(nn.Module):
    def __init__(self, case: dict):
        super().__init__()
        ndf, norm, layers = case["ndf"], case["norm"], case["n_layers_D"]
        channels = [case["input_nc"] + case["output_nc"]] + [ndf * min(2**layer, 8) for layer in range(layers + 1)]
        self.model = nn.Sequential()
        for layer in range(layers + 1):
            bias = layer == 0 or norm == "instance"
            self.model.append(nn.Conv2d(channels[layer], channels[layer + 1], 4, 2 if layer < layers else 1, 1, bias=bias))
            if layer > 0:
                self.model.append(norm_of(norm, channels[layer + 1]))
            self.model.append(nn.LeakyReLU(0.2))
        self.model.append(nn.Conv2d(channels[-1], 1, 4, 1, 1))

    def forward(self, value: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        features = []
        for module in self.model:
            value = module(value)
            if isinstance(module, nn.LeakyReLU):
                features.append(value)
        return value, features


class Discriminators(nn.Module):
    """`scale0` sees the image, each other one half of what the one before it sees."""

    def __init__(self, case: dict):
        super().__init__()
        self.scales = case["num_D"]
        for scale in range(self.scales):
            self.add_module(f"scale{scale}", PatchGan(case))
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, value: torch.Tensor) -> list[tuple[torch.Tensor, list[torch.Tensor]]]:
        outputs = []
        for scale in range(self.scales):
            outputs.append(getattr(self, f"scale{scale}")(value))
            value = self.halve(value)
        return outputs


def gan(kind: str, outputs: list, real: bool) -> torch.Tensor:
    loss = {"lsgan": functional.mse_loss, "vanilla": functional.binary_cross_entropy_with_logits}[kind]
    return sum(loss(logits, torch.full_like(logits, float(real))) for logits, _ in outputs)


def feature_distance(case: dict, fake: list, real: list) -> torch.Tensor:
    weight = 4.0 / (case["n_layers_D"] + 1) / case["num_D"]
    pairs = [pair for (_, ours), (_, theirs) in zip(fake, real) for pair in zip(ours, theirs)]
    return sum(weight * functional.l1_loss(ours, theirs.detach()) for ours, theirs in pairs)


def draw(network: nn.Module, generator: torch.Generator) -> None:
    """Weights as the training code draws them, but wider, so that no gradient is tiny; numbers of float32, held as float64."""
    for parameter in network.parameters():
        middle = 0.0 if parameter.dim() > 1 else (1.0 if parameter.mean() == 1 else 0.0)
        with torch.no_grad():
            parameter.copy_(middle + 0.2 * torch.randn(parameter.shape, generator=generator, dtype=F32))


def run(case: dict) -> dict[str, torch.Tensor]:
    """One step. The tensors of the case by role."""
    generator = torch.Generator().manual_seed(case["seed"])
    g, d = UNet(case).to(F64).train(), Discriminators(case).to(F64).train()
    draw(g, generator)
    draw(d, generator)
    side = case["size"]
    images = [torch.rand(case["batch"], case[channels], side, side, generator=generator) * 2 - 1 for channels in ("input_nc", "output_nc")]
    source, target = [image.to(F64) for image in images]
    tensors = {}

    def store(prefix: str, network: nn.Module) -> None:
        for key, value in network.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                tensors[f"{prefix}.{key}"] = value.detach().clone().to(F32)

    def store_gradients(letter: str, network: nn.Module) -> None:
        for key, parameter in network.named_parameters():
            tensors[f"step1.grad{letter}.{key}"] = parameter.grad.detach().clone().to(F32)

    store("initG", g)
    store("initD", d)
    adam_g, adam_d = [torch.optim.Adam(network.parameters(), LEARNING_RATE, BETAS, EPSILON) for network in (g, d)]
    fake = g(source)
    d_fake = gan(case["gan_mode"], d(torch.cat([source, fake.detach()], 1)), False)
    d_real = gan(case["gan_mode"], d(torch.cat([source, target], 1)), True)
    (0.5 * (d_fake + d_real)).backward()
    store_gradients("D", d)
    adam_d.step()
    for parameter in d.parameters():
        parameter.requires_grad_(False)
    of_fake, of_real = d(torch.cat([source, fake], 1)), d(torch.cat([source, target], 1))
    g_gan = gan(case["gan_mode"], of_fake, True)
    g_l1 = LAMBDA_L1 * functional.l1_loss(fake, target)
    g_feat = case["lambda_feat"] * feature_distance(case, of_fake, of_real)
    (g_gan + g_l1 + g_feat).backward()
    store_gradients("G", g)
    adam_g.step()
    tensors |= {"step1.A": source.to(F32), "step1.B": target.to(F32), "step1.fake_B": fake.detach().to(F32)}
    store("finalG", g)
    store("finalD", d)
    tensors["losses64"] = torch.stack([g_gan, g_l1, d_real, d_fake]).detach().reshape(1, 4)
    tensors["losses_feat64"] = g_feat.detach().reshape(1, 1)
    return tensors


def noise(case: dict, tensors: dict[str, torch.Tensor]) -> list[str]:
    """Roles of biases that a normalisation takes away again: their gradient is zero but for rounding."""
    gradients = [role for role in tensors if ".grad" in role and role.endswith(".bias")]
    return [role for role in gradients if tensors[role].abs().max() < 1e-9] if case["norm"] == "instance" else []


def write(folder: pathlib.Path, named: list[tuple[dict, dict[str, torch.Tensor]]]) -> None:
    """`multiscale.safetensors` and its manifest."""
    types = {F32: ("F32", "float32", "f"), F64: ("F64", "float64", "d")}
    header, body, cases = {}, bytearray(), []
    for case, tensors in named:
        listed = {}
        for role, tensor in tensors.items():
            kind, dtype, code = types[tensor.dtype]
            values = tensor.flatten().tolist()
            start = len(body)
            body += struct.pack(f"<{len(values)}{code}", *values)
            shape = list(tensor.shape)
            header[f"{case['name']}.{role}"] = {"dtype": kind, "shape": shape, "data_offsets": [start, len(body)]}
            listed[role] = {"dtype": dtype, "shape": shape}
        cases.append({**case, "zero_gradient_biases": noise(case, tensors), "tensors": listed})
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (folder / "multiscale.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
    source = f"float64 run of bench/peers/multiscale_golden.py, PyTorch {torch.__version__.split('+')[0]}"
    manifest = {"file": "multiscale.safetensors", "source": source, "cases": cases}
    (folder / "multiscale.json").write_text(json.dumps(manifest, separators=(",", ":")) + "\n")


def main() -> None:
    torch.set_num_threads(1)
    constants = dict(op="Pix2PixStep", steps=1, use_dropout=False, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, lambda_L1=LAMBDA_L1)
    cases = [{**case, **SHAPE, **constants} for case in CASES]
    write(pathlib.Path(sys.argv[1]), [(case, run(case)) for case in cases])


if __name__ == "__main__":
    main()

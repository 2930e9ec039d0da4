#!/usr/bin/env python3
"""The pix2pix training step in PyTorch, checked and timed; one JSON line for each cell.

U-Net generator and 70x70 PatchGAN with batch norm, vanilla GAN + 100 * L1, Adam 2e-4 (0.5, 0.999): arXiv 1611.07004, in the order of
the authors' PyTorch code: D on the fake and on the real pair, one update, then G against the updated D.

A cell is a sum of traits, for example tf32+channels_last+graphs; `eager` is the plain one.
"""

import argparse
import itertools
import json
import math
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

TRAITS = {
    "eager": "f32 throughout, contiguous NCHW",
    "fused": "Adam as one fused kernel",
    "tf32": "TF32 in convolutions and products (CUDA)",
    "channels_last": "activations and weights NHWC in memory",
    "amp": "autocast to f16 with loss scaling",
    "compile": "both networks through torch.compile",
    "graphs": "the whole step as one CUDA graph, Adam fused",
}
CELLS_CPU = ["eager", "fused", "channels_last", "channels_last+fused"]
CELLS_CUDA = [
    *("eager", "tf32", "tf32+channels_last", "tf32+channels_last+fused", "amp", "amp+channels_last", "amp+channels_last+fused"),
    *("tf32+compile", "amp+channels_last+compile+fused", "tf32+graphs", "tf32+channels_last+graphs", "amp+graphs"),
    *("amp+channels_last+graphs", "amp+channels_last+compile+graphs"),
]
# Parameters of G and D at (size, ngf = ndf); 256 at 64 is the paper's network.
PARAMETERS = {(64, 16): (1_830_563, 176_081), (128, 32): (10_461_507, 696_225), (256, 64): (54_413_955, 2_768_705)}
LAMBDA_L1 = 100.0


class Level(nn.Module):
    """One resolution of the U-Net: the way down into it, what lies inside, and the way up out of it."""

    def __init__(self, outside: int, own: int, inside: "Level | None", dropout: bool):
        super().__init__()
        self.down = nn.Conv2d(outside, own, 4, 2, 1, bias=False)
        self.down_norm = nn.BatchNorm2d(own) if inside else nn.Identity()
        self.inside = inside
        self.up = nn.ConvTranspose2d(own * (2 if inside else 1), outside, 4, 2, 1, bias=False)
        self.up_norm = nn.BatchNorm2d(outside)
        self.dropout = nn.Dropout(0.5) if dropout else nn.Identity()

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        skip = functional.leaky_relu(value, 0.2, inplace=True)
        value = self.down_norm(self.down(skip))
        if self.inside is not None:
            value = self.inside(value)
        value = self.up_norm(self.up(functional.relu(value, inplace=True)))
        return torch.cat([skip, self.dropout(value)], 1)


class UNet(nn.Module):
    """[batch, 3, size, size] to the same in -1..1, for sizes that are powers of two from 32."""

    def __init__(self, size: int, ngf: int):
        super().__init__()
        downs = int(math.log2(size))
        channels = [ngf * min(2**depth, 8) for depth in range(downs)]
        inside = None
        for depth in reversed(range(1, downs)):
            # Between the innermost block and the four outermost ones.
            dropout = 4 <= depth < downs - 1
            inside = Level(channels[depth - 1], channels[depth], inside, dropout)
        self.down = nn.Conv2d(3, ngf, 4, 2, 1, bias=False)
        self.inside = inside
        self.up = nn.ConvTranspose2d(2 * ngf, 3, 4, 2, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.up(functional.relu(self.inside(self.down(image)), inplace=True)))


def patch_gan(ndf: int) -> nn.Sequential:
    """[batch, 6, size, size] to one logit for each patch of 70x70 pixels."""
    layers = [nn.Conv2d(6, ndf, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for before, after, stride in [(ndf, 2 * ndf, 2), (2 * ndf, 4 * ndf, 2), (4 * ndf, 8 * ndf, 1)]:
        layers += [nn.Conv2d(before, after, 4, stride, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers, nn.Conv2d(8 * ndf, 1, 4, 1, 1))


def initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def wave(phase: float, batch: int, size: int) -> torch.Tensor:
    """The made-up image of all three programs: a sine along the NHWC index."""
    index = torch.arange(batch * size * size * 3, dtype=torch.float32)
    return torch.sin(index * 0.37 + phase).reshape(batch, size, size, 3).permute(0, 3, 1, 2).contiguous()


class Training:
    """Networks, optimisers and a batch of one cell."""

    def __init__(self, cell: str, device: torch.device, size: int, ngf: int, batch: int):
        self.traits = set(cell.split("+"))
        self.device = device
        tf32 = "tf32" in self.traits
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        # Shapes never change, so cuDNN may try its algorithms once.
        torch.backends.cudnn.benchmark = True
        torch.manual_seed(1)
        layout = torch.channels_last if "channels_last" in self.traits else torch.contiguous_format
        self.g = UNet(size, ngf).apply(initialise).to(device, memory_format=layout)
        self.d = patch_gan(ngf).apply(initialise).to(device, memory_format=layout)
        self.parameters = tuple(sum(p.numel() for p in network.parameters()) for network in (self.g, self.d))
        graphs = "graphs" in self.traits
        options = {"lr": 2e-4, "betas": (0.5, 0.999), "eps": 1e-8}
        if graphs or "fused" in self.traits:
            options["fused"] = True
        if graphs:
            options["capturable"] = True
        self.adam_g = torch.optim.Adam(self.g.parameters(), **options)
        self.adam_d = torch.optim.Adam(self.d.parameters(), **options)
        amp = "amp" in self.traits
        self.scaler_g = torch.amp.GradScaler(device.type, enabled=amp)
        self.scaler_d = torch.amp.GradScaler(device.type, enabled=amp)
        host = [wave(phase, batch, size).to(memory_format=layout) for phase in (0.0, 1.0)]
        # A batch comes from the host in every step, as it does in the other programs.
        self.host = [image.pin_memory() for image in host] if device.type == "cuda" else host
        self.input, self.target = (image.to(device) for image in self.host)
        if "compile" in self.traits:
            self.g, self.d = torch.compile(self.g), torch.compile(self.d)
        self.graph = None

    def gan(self, logits: torch.Tensor, real: bool) -> torch.Tensor:
        wanted = torch.ones_like(logits) if real else torch.zeros_like(logits)
        return functional.binary_cross_entropy_with_logits(logits, wanted)

    def record(self) -> torch.Tensor:
        """One step; G's adversarial loss, L1, D's loss on the real and on the fake pair, on the device."""
        cast = torch.autocast(self.device.type, torch.float16, enabled="amp" in self.traits)
        with cast:
            fake = self.g(self.input)
            self.d.requires_grad_(True)
            d_fake = self.gan(self.d(torch.cat([self.input, fake.detach()], 1)), False)
            d_real = self.gan(self.d(torch.cat([self.input, self.target], 1)), True)
            d_loss = 0.5 * (d_fake + d_real)
        self.update(self.adam_d, self.scaler_d, d_loss)
        with cast:
            self.d.requires_grad_(False)
            g_gan = self.gan(self.d(torch.cat([self.input, fake], 1)), True)
            g_l1 = functional.l1_loss(fake, self.target)
            g_loss = g_gan + LAMBDA_L1 * g_l1
        self.update(self.adam_g, self.scaler_g, g_loss)
        return torch.stack([loss.detach().float() for loss in (g_gan, g_l1, d_real, d_fake)])

    def update(self, adam: torch.optim.Adam, scaler: torch.amp.GradScaler, loss: torch.Tensor) -> None:
        adam.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.step(adam)
        scaler.update()

    def capture(self) -> None:
        """Records the step as a CUDA graph after a few steps on a side stream, as PyTorch asks."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.record()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses = self.record()

    def step(self) -> torch.Tensor:
        """Takes the batch from the host, trains on it and waits."""
        if self.device.type == "cuda":
            self.input.copy_(self.host[0], non_blocking=True)
            self.target.copy_(self.host[1], non_blocking=True)
        if self.graph is None:
            losses = self.record()
        else:
            self.graph.replay()
            losses = self.losses
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return losses


def check(training: Training, size: int, ngf: int, steps: int) -> list[list[float]]:
    """Untimed steps: known parameter counts, finite losses, and an L1 that falls. (D's losses need not fall: G works against them.)"""
    wanted = PARAMETERS.get((size, ngf), training.parameters)
    if training.parameters != wanted:
        raise RuntimeError(f"parameters of G and D are {training.parameters}, not {wanted}")
    losses = [training.step().tolist() for _ in range(steps)]
    if not all(map(math.isfinite, itertools.chain(*losses))):
        raise RuntimeError(f"losses are not finite: {losses}")
    if steps > 1 and losses[-1][1] >= losses[0][1]:
        raise RuntimeError(f"L1 does not fall on one batch: {[row[1] for row in losses]}")
    return losses


def measure(cell: str, device: torch.device, batch: int, args: argparse.Namespace) -> dict:
    training = Training(cell, device, args.size, args.ngf, batch)
    if "graphs" in training.traits:
        training.capture()
    losses = check(training, args.size, args.ngf, args.warm_up)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = []
    for _ in range(args.steps):
        began = time.perf_counter()
        training.step()
        seconds.append(time.perf_counter() - began)
    return {
        "peer": "pytorch",
        "version": torch.__version__,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads",
        "cell": cell,
        "size": args.size,
        "ngf": args.ngf,
        "batch": batch,
        "parameters": training.parameters,
        "losses": losses,
        "median": statistics.median(seconds),
        "min": min(seconds),
        "max": max(seconds),
        "peak_bytes": torch.cuda.max_memory_allocated() if device.type == "cuda" else None,
    }


def arguments() -> argparse.Namespace:
    traits = "\n".join(f"  {name:14} {text}" for name, text in TRAITS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=f"traits:\n{traits}"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N [cpu]")
    parser.add_argument("--size", type=int, default=64, help="height and width, a power of two [64]")
    parser.add_argument("--ngf", type=int, default=16, help="channels of the first layers of G and D [16]")
    parser.add_argument("--batches", default="1", help="batch sizes, with commas [1]")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of a cell [20]")
    parser.add_argument("--warm-up", type=int, default=10, help="checked, untimed steps before them [10]")
    parser.add_argument("--threads", type=int, default=2, help="threads on the CPU [2]")
    parser.add_argument("--cells", help="cells, with commas [all that suit the device]")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    device = torch.device(args.device)
    cells = args.cells.split(",") if args.cells else CELLS_CUDA if device.type == "cuda" else CELLS_CPU
    unknown = {trait for cell in cells for trait in cell.split("+")} - TRAITS.keys()
    if unknown:
        sys.exit(f"unknown traits {sorted(unknown)}; there are {', '.join(TRAITS)}")
    torch.set_num_threads(args.threads)
    for batch, cell in itertools.product(map(int, args.batches.split(",")), cells):
        try:
            print(json.dumps(measure(cell, device, batch, args)), flush=True)
        except Exception as error:  # One cell that a device or a compiler refuses must not cost the others.
            print(json.dumps({"peer": "pytorch", "cell": cell, "batch": batch, "error": str(error)}), flush=True)
        if "compile" in cell:
            torch.compiler.reset()
        if device.type == "cuda":
            torch.cuda.empty_cache()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Trains in PyTorch what a run of pix2pix trained: the same networks, initial weights, batches and learning rates.

    python pytorch_train.py RUN INPUTS OUT [--threads 1] [--dtype float32] [--steps N]

RUN is the folder of the run, whose config.json says what to do. INPUTS is the folder that `cargo run --example run_inputs` wrote. OUT gets
`losses.csv`, a row a step, and `generator.pth`: the weights, or their moving average where the run has one.

The step is that of arXiv 1611.07004 in the order of its authors' PyTorch code: D on the fake and on the real pair, its update, then G
against the updated D. The networks are those of multiscale_golden.py.
"""

import argparse
import json
import os
import pathlib
import sys

# A thread that waits must not take the core from one that works, on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import torch
from torch import nn
from torch.nn import functional

from multiscale_golden import PatchGan, UNet

# What this script trains, by the keys of config.json. Any other value is refused.
KNOWN = {
    "preprocess": ["resize-and-crop", "crop", "scale-width-and-crop"],
    "discriminators": [1],
    "norm": ["batch", "instance"],
    "architecture": ["unet"],
    "upsample": ["deconv", "nearest"],
    "dropout": [False],
    "precision": ["f32"],
    "objective.gan_loss": ["vanilla", "lsgan"],
    "objective.lambda_feat": [0.0],
    "objective.distance": ["l1"],
    "objective.conditional": [True],
    "objective.order": ["pytorch"],
    "recipe.schedule": ["linear", "constant"],
    "recipe.optimizer": ["adam"],
    "recipe.pool": [0],
    "recipe.accumulate": [1],
}
COLUMNS = ["step", "g_gan", "g_l1", "d_real", "d_fake", "learning_rate"]


class NearestConv(nn.Conv2d):
    """Pixels repeated to twice the height and width, then a convolution of 3x3."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return super().forward(functional.interpolate(value, scale_factor=2, mode="nearest"))


def repeat_pixels(network: nn.Module) -> None:
    """Puts a NearestConv in the place of every transposed convolution."""
    for name, child in list(network.named_children()):
        if isinstance(child, nn.ConvTranspose2d):
            setattr(network, name, NearestConv(child.in_channels, child.out_channels, 3, 1, 1, bias=child.bias is not None))
        else:
            repeat_pixels(child)


def read_safetensors(path: pathlib.Path) -> dict[str, torch.Tensor]:
    """The tensors of a file. They are read when they are used."""
    types = {"F32": torch.float32, "I64": torch.int64}
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    size = path.stat().st_size
    data = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)[8 + length :]
    tensors = {}
    for key, info in header.items():
        if key != "__metadata__":
            part = data[slice(*info["data_offsets"])]
            aligned = part if part.storage_offset() % 8 == 0 else part.clone()
            tensors[key] = aligned.view(types[info["dtype"]]).reshape(info["shape"])
    return tensors


def check(config: dict) -> None:
    """Refuses a run that this script would train in another way."""
    for key, known in KNOWN.items():
        value = config
        for part in key.split("."):
            value = value[part]
        if value not in known:
            sys.exit(f"pytorch_train.py: the run's {key} is {value!r}; this script knows {known}")
    if "steps" not in config["length"]:
        sys.exit("pytorch_train.py: the run's length is in epochs; train it with --steps")


def rate(config: dict, step: int) -> float:
    """The learning rate of a step, from 1, in a run whose length is given in steps."""
    length, first = config["length"]["steps"], config["learning_rate"]
    if config["recipe"]["schedule"] == "constant":
        return first
    constant = length // 2
    return first * (1.0 - max(0, step - max(constant, 1)) / (length - constant + 1))


class Training:
    """Networks and optimisers as they are before the first step."""

    def __init__(self, config: dict, inputs: pathlib.Path, dtype: torch.dtype, layout: torch.memory_format):
        case = {key: config[key] for key in ("num_downs", "ngf", "ndf", "norm")} | {"n_layers_D": config["d_layers"]}
        channels = {"rgb": 3, "grey": 1}
        case |= {"input_nc": channels[config["input"]], "output_nc": channels[config["output"]]}
        self.g, self.d = UNet(case), PatchGan(case)
        if config["upsample"] == "nearest":
            repeat_pixels(self.g)
        for network, name in ((self.g, "generator"), (self.d, "discriminator")):
            network.load_state_dict(read_safetensors(inputs / f"{name}.safetensors"), strict=True)
            network.to(dtype=dtype, memory_format=layout).train()
        self.config, self.objective, self.ema = config, config["objective"], config["recipe"]["ema"]
        self.adam_g, self.adam_d = [
            torch.optim.Adam(network.parameters(), config["learning_rate"], tuple(self.objective["betas"]), 1e-8) for network in (self.g, self.d)
        ]
        self.average = [parameter.detach().clone() for parameter in self.g.parameters()]

    def gan(self, pair: list[torch.Tensor], real: bool) -> torch.Tensor:
        logits, _ = self.d(torch.cat(pair, 1))
        loss = {"lsgan": functional.mse_loss, "vanilla": functional.binary_cross_entropy_with_logits}[self.objective["gan_loss"]]
        return loss(logits, torch.full_like(logits, float(real)))

    def step(self, step: int, source: torch.Tensor, target: torch.Tensor) -> list[torch.Tensor]:
        """Trains on one batch. G's adversarial loss, L1, D's loss on the real and on the fake pair."""
        for adam in (self.adam_g, self.adam_d):
            adam.param_groups[0]["lr"] = rate(self.config, step)
            adam.zero_grad(set_to_none=True)
        fake = self.g(source)
        self.d.requires_grad_(True)
        d_fake, d_real = self.gan([source, fake.detach()], False), self.gan([source, target], True)
        (0.5 * (d_fake + d_real)).backward()
        self.adam_d.step()
        self.d.requires_grad_(False)
        g_gan, g_l1 = self.gan([source, fake], True), functional.l1_loss(fake, target)
        (self.objective["lambda_gan"] * g_gan + self.objective["lambda_l1"] * g_l1).backward()
        self.adam_g.step()
        if self.ema is not None:
            # The average of a few steps forgets faster: shaders/ema/update.wgsl.
            share = max(1.0 - self.ema, 9.0 / (step + 9.0))
            torch._foreach_lerp_(self.average, [parameter.detach() for parameter in self.g.parameters()], share)
        return [g_gan, g_l1, d_real, d_fake]

    def save(self, path: pathlib.Path) -> None:
        weights = self.g.state_dict()
        if self.ema is not None:
            weights |= {key: value for (key, _), value in zip(self.g.named_parameters(), self.average)}
        torch.save({key: value.float() if value.is_floating_point() else value for key, value in weights.items()}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("run", "inputs", "out"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--steps", type=int, help="stop after so many steps, with the run's learning rates [all of the run's]")
    parser.add_argument("--threads", type=int, default=1, help="threads on the CPU [1]")
    parser.add_argument("--dtype", default="float32", choices=["float32", "float64"], help="of weights and maps [float32]")
    parser.add_argument("--channels-last", action="store_true", help="NHWC in memory, which takes other kernels")
    args = parser.parse_args()
    config = json.loads((args.run / "config.json").read_text())
    check(config)
    torch.set_num_threads(args.threads)
    dtype = getattr(torch, args.dtype)
    layout = torch.channels_last if args.channels_last else torch.contiguous_format
    training = Training(config, args.inputs, dtype, layout)
    batches = read_safetensors(args.inputs / "batches.safetensors")
    steps = args.steps or config["length"]["steps"]
    if steps > len(batches["input"]):
        sys.exit(f"pytorch_train.py: {args.inputs} holds {len(batches['input'])} batches, not {steps}")
    args.out.mkdir(parents=True, exist_ok=True)
    lines = [",".join(COLUMNS)]
    for step in range(1, steps + 1):
        source, target = [batches[key][step - 1].to(dtype=dtype, memory_format=layout) for key in ("input", "target")]
        losses = [loss.item() for loss in training.step(step, source, target)]
        lines.append(",".join(map(repr, [step, *losses, rate(config, step)])))
    training.save(args.out / "generator.pth")
    # The last file that is written says that all is there.
    (args.out / "losses.csv").write_text("\n".join(lines) + "\n")
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, {args.dtype}: {steps} steps, in {args.out}")


if __name__ == "__main__":
    main()

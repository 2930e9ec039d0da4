#!/usr/bin/env python3
"""Where PyTorch in float32 parts from float64: trains both side by side and names the ReLUs of G that see numbers of another sign.

    python relu_signs.py RUN INPUTS STEPS

RUN and INPUTS are as for pytorch_train.py. A line is a step and a ReLU: its name in the state dict, the shape of its map, how many numbers
have another sign, and the largest of these in float64 and in float32.
"""

import json
import pathlib
import sys

from pytorch_train import Training, check, read_safetensors

import torch
from torch import nn


def watch(network: nn.Module) -> list[tuple[str, torch.Tensor]]:
    """A list that every forward pass adds what its ReLUs see to."""
    seen = []
    for name, module in network.named_modules():
        if isinstance(module, (nn.ReLU, nn.LeakyReLU)):
            module.register_forward_hook(lambda _, inputs, __, name=name: seen.append((name, inputs[0].detach())))
    return seen


def main() -> None:
    run, inputs, steps = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    config = json.loads((run / "config.json").read_text())
    check(config)
    batches = read_safetensors(inputs / "batches.safetensors")
    trainings = [Training(config, inputs, dtype, torch.contiguous_format) for dtype in (torch.float32, torch.float64)]
    seen = [watch(training.g) for training in trainings]
    for step in range(1, steps + 1):
        for training, dtype in zip(trainings, (torch.float32, torch.float64)):
            training.step(step, *[batches[key][step - 1].to(dtype) for key in ("input", "target")])
        for (name, single), (_, double) in zip(*seen):
            other = (single > 0) != (double > 0)
            if other.any():
                largest = [value[other].abs().max().item() for value in (double, single)]
                print(f"step {step}: {name} {tuple(single.shape)}: {other.sum().item()}, {largest[0]:.1e} and {largest[1]:.1e}")
        for values in seen:
            values.clear()


if __name__ == "__main__":
    main()

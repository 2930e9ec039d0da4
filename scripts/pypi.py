"""Python environments of this project's own, with packages of PyPI at fixed versions."""

import os
import subprocess
import sys
from pathlib import Path

# What a check ends with where its packages are not set up.
NOT_SET_UP = 77


class Environment:
    """The environment of one check, in `target/NAME`. `packages` are all that it holds."""

    def __init__(self, name: str, packages: list, what: str):
        self.name, self.packages, self.what = name, packages, what
        home = Path(__file__).resolve().parent.parent / "target" / name
        self.venv, self.stamp = home / "venv", home / "installed.txt"
        self.python = self.venv / "bin" / "python"

    def set_up(self) -> None:
        """Fetches the packages, once."""
        wanted = "\n".join(self.packages)
        if self.stamp.exists() and self.stamp.read_text() == wanted:
            return
        print(f"fetching {self.what} (PyPI) into target/{self.name}", file=sys.stderr)
        install = [self.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        install += ["--no-deps", "--only-binary", ":all:", *self.packages]
        for command, remedy in [
            (
                [sys.executable, "-m", "venv", "--clear", self.venv],
                "install python3-venv, 3.11 or later",
            ),
            (install, "is there a network, and is PyPI reachable?"),
        ]:
            if subprocess.run(command).returncode != 0:
                sys.exit(f"{self.name}: {self.what} cannot be set up: {remedy}")
        self.stamp.write_text(wanted)

    def enter(self) -> None:
        """Runs this script again in the environment. Ends it where nothing is set up."""
        if not self.stamp.exists():
            sys.exit(NOT_SET_UP)
        if Path(sys.prefix) != self.venv:
            os.execv(self.python, [self.python, *sys.argv])

"""Brings .venv and gen/ up to date, then becomes the service, or with `test` its tests. An image starts main.py itself."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

PYTHON = ".venv/bin/python"


def install() -> None:
    """Installs requirements.txt into .venv, unless it has been."""
    wanted = Path("requirements.txt").read_text()
    installed = Path(".venv/requirements.txt")
    if installed.exists() and installed.read_text() == wanted:
        return
    print("installing requirements.txt", flush=True)
    subprocess.run([sys.executable, "-m", "venv", ".venv"], check=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"], check=True)
    installed.write_text(wanted)


# Replicas start at the same time; one of them does the work.
with open("run.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        install()
        subprocess.run([PYTHON, "generate.py"], check=True)
    except subprocess.CalledProcessError as error:
        # What it said last is what `weft status` shows.
        sys.exit(error.returncode)
program = ["-m", "unittest"] if sys.argv[1:] == ["test"] else ["main.py"]
os.execv(PYTHON, [PYTHON, *program])

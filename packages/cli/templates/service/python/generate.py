"""Generates gen/ from the contracts' descriptor sets, which `weft up` and `weft generate` keep up to date."""

import os
import shutil
import sys
from pathlib import Path

# This service's contract and those that it calls.
CONTRACTS = [__descriptors__]

contents = b"".join(Path(contract).read_bytes() for contract in CONTRACTS)
stamp = Path("gen/.contracts")
if stamp.exists() and stamp.read_bytes() == contents:
    sys.exit()

from google.protobuf.descriptor_pb2 import FileDescriptorSet  # noqa: E402 (it is slow to load)
from grpc_tools import protoc  # noqa: E402

# Sets of descriptors are joined by appending one to another. The google.protobuf package has its own files.
files = {file.name for file in FileDescriptorSet.FromString(contents).file if not file.name.startswith("google/protobuf/")}
shutil.rmtree("gen", ignore_errors=True)
os.mkdir("gen")
sets = os.pathsep.join(CONTRACTS)
failed = protoc.main(
    ["protoc", f"--descriptor_set_in={sets}", "--python_out=gen", "--pyi_out=gen", "--grpc_python_out=gen", *sorted(files)]
)
if failed:
    sys.exit(failed)
stamp.write_bytes(contents)

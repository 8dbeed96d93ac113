"""The NVIDIA card: whether there is one, and what nvidia-smi says of it."""

import ctypes
import os
import subprocess
import sys

# What was asked for cannot run on this machine; as in the command `intformer`.
NO_DEVICE = 3

# The driver's library.
DRIVER = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"

# So that the driver counts cards as nvidia-smi does, here and in all that is started from here.
os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")

# What it is called here, the names of a card's state being those of `intformer bench`: what nvidia-smi calls it.
FIXED = {
    "name": "name",
    "driver": "driver_version",
    "max_multiprocessor_mhz": "clocks.max.sm",
    "max_memory_mhz": "clocks.max.memory",
    "limit_watts": "power.limit",
}
STATE = {"multiprocessor_mhz": "clocks.sm", "memory_mhz": "clocks.mem", "celsius": "temperature.gpu", "watts": "power.draw"}


def missing():
    """What is missing to run on a card, in a sentence; None if nothing is."""
    try:
        driver = ctypes.CDLL(DRIVER)
    except OSError:
        return "expected an NVIDIA driver (libcuda), found none"
    count = ctypes.c_int()
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "expected an NVIDIA card, found a driver that shows none"
    return None


def name():
    """The name of the first card; there is one."""
    driver = ctypes.CDLL(DRIVER)
    device, text = ctypes.c_int(), ctypes.create_string_buffer(256)
    if driver.cuInit(0) or driver.cuDeviceGet(ctypes.byref(device), 0) or driver.cuDeviceGetName(text, len(text), device):
        return "an NVIDIA card"
    return text.value.decode()


def refuse(sentence, code=NO_DEVICE):
    """Ends the program with a sentence."""
    print(f"error: {sentence}", file=sys.stderr)
    sys.exit(code)


def query(fields):
    """What nvidia-smi says of the first card that programs see; empty where it is not there or refuses."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    command = ["nvidia-smi", f"--id={shown}", f"--query-gpu={','.join(fields.values())}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    return read(answer, fields)


def read(answer, fields):
    """A line of nvidia-smi, by the names here; what the card does not tell is left out."""
    values = [value.strip() for value in answer.strip().split(",")]
    if len(values) != len(fields):
        return {}
    told = {name: value for name, value in zip(fields, values) if not value.startswith("[")}
    return {name: number(value) for name, value in told.items()}


def number(text):
    """A number where `text` is one; a driver's version with two points stays a text."""
    try:
        return float(text)
    except ValueError:
        return text

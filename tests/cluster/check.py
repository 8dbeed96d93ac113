"""The manifests of docs/cluster: a Slurm array and a Kubernetes Indexed Job of `intformer prune-data`.

    python check.py COMMAND FIXTURES MANIFESTS

The array is run by a Slurm of one node that is started here (Debian's package slurm-wlm, as root); the job is checked by the
schema of Kubernetes (package kubernetes-validate), and its command is run once for each index. Both must leave the bytes
that one process leaves.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import kubernetes_validate
import yaml

VERSION = "1.33"
RUNS = 6

CONFIGURATION = """
ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
SlurmdParameters=config_overrides
"""


def encoder_and_questions(folder, fixtures):
    shutil.copytree(fixtures / "checkpoints/sentence-bert", folder / "encoder")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words += [chr(97 + at) for at in range(26)] + ["##" + chr(97 + at) for at in range(10)]
    (folder / "encoder/vocab.txt").write_text("\n".join(words))
    (folder / "questions").mkdir()
    for part, count in (("train", 48), ("test", 12)):
        rows = [f"a b c {chr(97 + at % 26)} d,who" if at % 2 == 0 else f"h i {chr(97 + at % 26)} j,where" for at in range(count)]
        (folder / f"questions/{part}.csv").write_text("text,label\n" + "\n".join(rows) + "\n")


def same(one, other):
    for seed in range(RUNS):
        name = f"run-{seed}.parquet"
        assert (one / name).read_bytes() == (other / name).read_bytes(), f"{other / name}"


def kubernetes(manifest, folder, environment):
    job = yaml.safe_load(manifest.read_text())
    kubernetes_validate.validate(job, VERSION, strict=True)
    assert job["spec"]["completions"] == RUNS and job["spec"]["completionMode"] == "Indexed"
    container = job["spec"]["template"]["spec"]["containers"][0]
    # What the manifest sets, but for the places.
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    places = {"ENCODER": "encoder", "DATA": "questions", "RUNS": (folder / "indexed").as_uri(), "STATE": "state"}
    assert places.keys() < given.keys(), given
    for index in range(RUNS):
        values = {**environment, **given, **places, "JOB_COMPLETION_INDEX": str(index)}
        subprocess.run(container["command"], cwd=folder, env=values, check=True, stdout=subprocess.DEVNULL)
    same(folder / "whole", folder / "indexed")
    print(f"Kubernetes: the job fits the schema of {VERSION}, and its command makes the runs")


def slurm(script, folder, environment):
    if not shutil.which("slurmctld"):
        print("NOT RUN: Slurm (apt-get install slurm-wlm)")
        return False
    place = folder / "slurm"
    for name in ("state", "spool"):
        (place / name).mkdir(parents=True)
    configuration = place / "slurm.conf"
    configuration.write_text(CONFIGURATION.format(host=socket.gethostname().split(".")[0], folder=place))
    environment = {**environment, "SLURM_CONF": str(configuration), "RUNS": "array"}
    daemons = []
    if not subprocess.run(["munge", "-n"], capture_output=True).returncode == 0:
        pathlib.Path("/run/munge").mkdir(exist_ok=True)
        shutil.chown("/run/munge", "munge")
        daemons.append(subprocess.Popen(["/usr/sbin/munged", "--foreground"], user="munge", group="munge"))
        time.sleep(1)
    daemons += [
        subprocess.Popen([daemon, "-D", "-L", place / f"{daemon}.log"], env=environment, stderr=subprocess.DEVNULL)
        for daemon in ("slurmctld", "slurmd")
    ]
    try:
        deadline = time.monotonic() + 60
        while "idle" not in subprocess.run(["sinfo", "-h"], env=environment, capture_output=True, text=True).stdout:
            assert time.monotonic() < deadline, "expected a node within a minute"
            time.sleep(0.5)
        subprocess.run(["sbatch", "--wait", script], cwd=folder, env=environment, check=True, timeout=300)
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait()
    same(folder / "whole", folder / "array")
    print("Slurm: the array makes the runs")
    return True


def main(command, fixtures, manifests):
    folder = pathlib.Path(tempfile.mkdtemp())
    encoder_and_questions(folder, pathlib.Path(fixtures))
    # The manifests call the command by its name.
    os.symlink(pathlib.Path(command).resolve(), folder / "intformer")
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    task = "--from encoder --data questions --out whole --plain".split()
    score = [command, "prune-data", "score", *task, "--runs", str(RUNS)]
    subprocess.run(score, cwd=folder, env={**environment, "RAYON_NUM_THREADS": "4"}, check=True, capture_output=True)
    manifests = pathlib.Path(manifests).resolve()
    kubernetes(manifests / "kubernetes.yaml", folder, environment)
    done = slurm(manifests / "slurm.sh", folder, environment)
    shutil.rmtree(folder)
    return 0 if done else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))

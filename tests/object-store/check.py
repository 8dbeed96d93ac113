"""Runs of `intformer prune-data` in an object store: an S3 server of the package moto, on loopback.

    python check.py COMMAND FIXTURES

Several processes make the runs, two of them each run, and the bytes must be those of one process and a folder. Then the
server fails half-way: what it does not take is refused with the reason and nothing is lost.
"""

import json
import logging
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import boto3
from moto.server import ThreadedMotoServer

TASK = "--from encoder --data all.csv --column question --label-column kind --batch 8 --rate 3e-3 --epochs 2".split()
FILES = ["run-0.parquet", "run-1.parquet", "run-2.parquet", "scores.jsonl"]


class Proxy:
    """Passes connections on to `port`; where `cuts` says so of a request's first bytes, only the first of what the side that is
    named sends."""

    def __init__(self, port):
        self.cuts = lambda head: None
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        server = socket.create_connection(("127.0.0.1", self.target))
        head = client.recv(65536)
        cut = self.cuts(head)
        if cut == "request":
            # The server hears the beginning alone.
            server.sendall(head[: len(head) // 2])
            server.close()
            client.close()
            return
        server.sendall(head)

        def up():
            while data := receive(client):
                server.sendall(data)

        threading.Thread(target=up, daemon=True).start()
        while data := receive(server):
            if cut == "answer":
                # A client may go on where it was cut off: so few bytes are no way to get there.
                head, gap, body = data.partition(b"\r\n\r\n")
                client.sendall(head + gap + body[:10])
                break
            client.sendall(data)
        for end in (client, server):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()


def receive(end):
    try:
        return end.recv(65536)
    except OSError:
        return b""


class Study:
    def __init__(self, command, fixtures, port):
        self.command = command
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.port = port
        self.client = boto3.client(
            "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
            aws_access_key_id="key", aws_secret_access_key="secret",
        )
        encoder = self.folder / "encoder"
        shutil.copytree(fixtures / "checkpoints/sentence-bert", encoder)
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
        words += [chr(97 + at) for at in range(26)] + ["##" + chr(97 + at) for at in range(10)]
        (encoder / "vocab.txt").write_text("\n".join(words))
        rows = [
            f"who,a b c {chr(97 + at % 26)} {chr(104 + at // 26)} d" if at % 2 == 0
            else f"where,h i {chr(97 + at % 26)} {chr(104 + at // 26)} j k l"
            for at in range(48)
        ]
        (self.folder / "all.csv").write_text("kind,question\n" + "\n".join(rows) + "\n")

    def start(self, arguments, port=None):
        environment = dict(
            os.environ,
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{port or self.port}",
            AWS_ALLOW_HTTP="true",
            AWS_ACCESS_KEY_ID="key",
            AWS_SECRET_ACCESS_KEY="secret",
            AWS_REGION="us-east-1",
        )
        return subprocess.Popen(
            [self.command, "prune-data", *arguments, "--json"],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def run(self, *arguments, port=None):
        child = self.start(arguments, port)
        out, errors = child.communicate()
        assert child.returncode == 0, f"{arguments}: {errors}"
        return json.loads(out)

    def refused(self, *arguments, port):
        child = self.start([*arguments, "--quiet"], port)
        out, errors = child.communicate()
        assert child.returncode == 2 and not out, f"{arguments}: {child.returncode} {out} {errors}"
        return errors

    def same(self, prefix, names):
        for name in names:
            kept = self.client.get_object(Bucket="runs", Key=f"{prefix}/{name}")["Body"].read()
            assert kept == (self.folder / "whole" / name).read_bytes(), name


def main(command, fixtures):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    study = Study(command, pathlib.Path(fixtures), server.get_host_and_port()[1])
    study.client.create_bucket(Bucket="runs")
    study.run("score", *TASK, "--runs", "3", "--out", "whole")

    # Three processes at once, each run made by two of them.
    url = "s3://runs/some/where"
    workers = [
        study.start(["run", *TASK, "--seeds", seeds, "--out", url, "--state", f"state-{seeds[0]}", "--plain"])
        for seeds in ("0,1", "1,2", "2,0")
    ]
    for worker in workers:
        _, errors = worker.communicate()
        assert worker.returncode == 0, errors
    found = study.run("score", *TASK, "--runs", "3", "--collect", "--out", url)
    assert found["missing"] == [], found
    study.same("some/where", FILES)
    print("three processes, two on each run: the bytes of one process and a folder")

    study.client.delete_object(Bucket="runs", Key="some/where/run-1.parquet")
    found = study.run("score", *TASK, "--runs", "3", "--collect", "--out", url)
    assert found["missing"] == [1] and found["runs"] == ["0", "2"], found
    study.run("score", *TASK, "--runs", "3", "--out", url)
    study.same("some/where", FILES)
    subsets = study.run("subsets", url, "--out", "subsets")
    assert subsets["subsets"] and subsets["examples"] == found["examples"]
    print("what is missing is said, made, and scored")

    # A server that hears the beginning of what is sent to it alone.
    proxy = Proxy(study.port)
    proxy.cuts = lambda head: "request" if head.startswith(b"PUT") else None
    url = "s3://runs/cut"
    arguments = ["run", *TASK, "--seeds", "0", "--out", url, "--state", "kept"]
    sentence = study.refused(*arguments, port=proxy.port)
    assert "s3://runs/cut/run-0.parquet" in sentence, sentence
    assert len(list(study.folder.glob("kept/*/run-0.state/checkpoint.safetensors"))) == 1
    assert study.client.list_objects_v2(Bucket="runs", Prefix="cut")["KeyCount"] == 0
    made = study.run(*arguments)
    assert made["made"] == [0] and not list((study.folder / "kept").iterdir())
    study.same("cut", ["run-0.parquet"])
    print("a store that takes no files: refused with the reason, and nothing is lost:", sentence.strip())

    # One that sends the beginning of a file alone.
    proxy.cuts = lambda head: "answer" if head.startswith(b"GET") and b".parquet" in head else None
    url = "s3://runs/some/where"
    sentence = study.refused("score", *TASK, "--runs", "3", "--collect", "--out", url, port=proxy.port)
    assert "s3://runs/some/where/run-0.parquet" in sentence, sentence
    study.same("some/where", FILES)
    print("a store that sends a part of a file: refused with the reason:", sentence.strip())
    server.stop()
    shutil.rmtree(study.folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

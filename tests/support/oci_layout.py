#!/usr/bin/python3
"""oci_layout.py [--arch=ARCH] ROOTFS.tar DIR [ENV=value ...] - an OCI layout with one layer, tagged `base`."""
import gzip
import hashlib
import json
import pathlib
import platform
import shutil
import sys

TYPE = "application/vnd.oci.image."


def main(*arguments):
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    if str(arguments[0]).startswith("--arch="):
        machine = arguments[0].removeprefix("--arch=")
        arguments = arguments[1:]
    tar, directory, *env = arguments
    blobs = pathlib.Path(directory) / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": TYPE + media_type, "digest": "sha256:" + digest, "size": len(data)}

    raw = pathlib.Path(tar).read_bytes()
    layer = put(gzip.compress(raw, 6, mtime=0), "layer.v1.tar+gzip")
    config = put(json.dumps({
        "created": "2023-11-14T22:13:20Z", "architecture": machine, "os": "linux",
        "config": {"Env": list(env), "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(raw).hexdigest()]},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": "base-image"}],
    }).encode(), "config.v1+json")
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json", "config": config, "layers": [layer],
    }).encode(), "manifest.v1+json")
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "base"}
    root = pathlib.Path(directory)
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""many_layers.py DIR COUNT - an OCI layout of an image of COUNT layers, 4 KiB each."""
import hashlib
import json
import pathlib
import random
import sys

TYPE = "application/vnd.oci.image."


def main():
    root, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    blobs = root / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    draw = random.Random(7)

    def put(data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": TYPE + media_type, "digest": "sha256:" + digest, "size": len(data)}

    layers = [put(draw.randbytes(4096), "layer.v1.tar+gzip") for _ in range(count)]
    diff_ids = ["sha256:" + hashlib.sha256(str(n).encode()).hexdigest() for n in range(count)]
    config = put(json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                             "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode(), "config.v1+json")
    manifest = put(json.dumps({"schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json",
                               "config": config, "layers": layers}).encode(), "manifest.v1+json")
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


main()

#!/usr/bin/python3
"""statement.py LAYOUT [PLATFORM] - the statements about an image, as a JSON array: those of the attestation manifest of
the platform (linux/amd64; default: of this machine) in the one index that the OCI layout LAYOUT has."""
import hashlib
import json
import pathlib
import platform
import sys

layout = pathlib.Path(sys.argv[1])
own = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
wanted = sys.argv[2] if len(sys.argv) > 2 else f"linux/{own}"


def blob(descriptor):
    data = (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert descriptor["digest"] == "sha256:" + hashlib.sha256(data).hexdigest(), descriptor
    assert descriptor["size"] == len(data), descriptor
    return json.loads(data)


index = blob(json.loads((layout / "index.json").read_text())["manifests"][0])
images = [one for one in index["manifests"] if one["platform"]["os"] + "/" + one["platform"]["architecture"] == wanted]
about = [one for one in index["manifests"]
         if one.get("annotations", {}).get("vnd.docker.reference.digest") == images[0]["digest"]]
assert len(images) == len(about) == 1, index
assert about[0]["annotations"]["vnd.docker.reference.type"] == "attestation-manifest"
assert about[0]["platform"] == {"architecture": "unknown", "os": "unknown"}
manifest = blob(about[0])
if "artifactType" in manifest:
    assert manifest["subject"]["digest"] == images[0]["digest"]
else:
    assert blob(manifest["config"])["rootfs"]["diff_ids"] == [one["digest"] for one in manifest["layers"]]
statements = []
for layer in manifest["layers"]:
    statement = blob(layer)
    assert layer["mediaType"] == "application/vnd.in-toto+json"
    assert layer["annotations"]["in-toto.io/predicate-type"] == statement["predicateType"]
    assert all("sha256:" + one["digest"]["sha256"] == images[0]["digest"] for one in statement["subject"]), statement
    statements.append(statement)
json.dump(statements, sys.stdout)

#!/usr/bin/python3
"""schema2.py DIR - DIR is a schema 2 image as skopeo's `dir:`. Gives it a config with all that docker ever wrote, and makes
DIR.list, a manifest list of that image for two platforms."""
import hashlib
import json
import pathlib
import shutil
import sys


def digest(data):
    return hashlib.sha256(data).hexdigest()


def main(name):
    folder = pathlib.Path(name)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    config = json.loads((folder / manifest["config"]["digest"][7:]).read_bytes())
    config["config"] = {
        "Hostname": "", "Domainname": "", "User": "u<&>", "AttachStdin": False, "Tty": False, "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
        "Env": ["PATH=/bin", "A=\u00e9\u2028\t\"\\"], "Cmd": ["sh", "-c", "a && b"], "Healthcheck": {"Test": ["CMD", "x"], "Interval": 1000},
        "ArgsEscaped": True, "Image": "sha256:aa", "Volumes": {"/v": {}}, "WorkingDir": "/w", "Entrypoint": None, "OnBuild": ["RUN x"],
        "Labels": {"b": "2", "a": "<1>"}, "StopSignal": "SIGTERM", "Shell": ["/bin/bash"], "MacAddress": "x"}
    config.update({"container": "abc", "container_config": {"Cmd": ["x"]}, "created": "2023-11-14T22:13:20.100Z", "docker_version": "20",
                   "author": "me", "variant": "v8", "os.version": "1", "os.features": ["f"], "id": "zz", "throwaway": True, "parent": "p"})
    config["history"] = [dict(step, created="2023-11-14T22:13:20.0Z", comment="<c>") for step in config["history"]]
    data = json.dumps(config).encode()
    (folder / digest(data)).write_bytes(data)
    manifest["config"].update(size=len(data), digest="sha256:" + digest(data))
    data = json.dumps(manifest, indent=3).encode()
    (folder / "manifest.json").write_bytes(data)
    both = pathlib.Path(name + ".list")
    shutil.copytree(folder, both)
    (both / (digest(data) + ".manifest.json")).write_bytes(data)
    entry = {"mediaType": manifest["mediaType"], "size": len(data), "digest": "sha256:" + digest(data)}
    platforms = [{"architecture": "amd64", "os": "linux", "os.version": "1", "features": ["sse4"], "variant": "v8", "os.features": ["a"]},
                 {"architecture": "arm64", "os": "linux"}]
    (both / "manifest.json").write_text(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.list.v2+json",
        "manifests": [dict(entry, platform=platform) for platform in platforms]}))


if __name__ == "__main__":
    main(*sys.argv[1:])

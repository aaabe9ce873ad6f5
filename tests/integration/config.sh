#!/bin/bash
# users: ids
# Every instruction that only changes the config reaches the config, as docker build writes it.
. "$(dirname "$0")/../support/lib.sh"
dockerfile <<'D'
FROM @TINY@
MAINTAINER someone
ENV A=1 B="two words"
WORKDIR /work
WORKDIR below
USER 1000:50
EXPOSE 80 443/udp
VOLUME /data /more
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --retries=3 CMD true
ENTRYPOINT ["/bin/echo"]
CMD ["a", "b"]
D
build -o type=oci,dest=image.tar ctx
python3 - <<'P'
import sys; sys.path.insert(0, __import__("os").environ["LICHEN_TEST_STATE"] + "/work/support")
from compare_images import Image
image = Image("image.tar").config
c = image["config"]
assert "A=1" in c["Env"] and "B=two words" in c["Env"], c["Env"]
assert c["WorkingDir"] == "/work/below" and c["User"] == "1000:50", c
assert set(c["ExposedPorts"]) == {"80/tcp", "443/udp"} and set(c["Volumes"]) == {"/data", "/more"}, c
assert c["StopSignal"] == "SIGQUIT" and c["Entrypoint"] == ["/bin/echo"] and c["Cmd"] == ["a", "b"], c
assert c["Healthcheck"]["Test"] == ["CMD-SHELL", "true"] and c["Healthcheck"]["Interval"] == 5 * 10**9, c
assert image["author"] == "someone"
made = [h for h in image["history"] if not h.get("empty_layer")]
assert len(made) == len(image["rootfs"]["diff_ids"]), image["history"]
P

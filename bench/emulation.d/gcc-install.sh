# image: plain
# Large packages with few scripts.
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends /packages/gcc/*.deb

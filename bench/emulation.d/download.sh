# download.sh - run while the image is made: packages into /packages, sources into /src.
export DEBIAN_FRONTEND=noninteractive
sed -i 's/^Types: deb$/Types: deb deb-src/' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$list" ] || continue
    sed -n 's/^deb /deb-src /p' "$list" > /tmp/sources
    cat /tmp/sources >> "$list"; rm /tmp/sources
done
apt-get update -q

fetch() { # NAME PACKAGE...: they and all they need
    name=$1; shift
    apt-get install -q -y --no-install-recommends --download-only "$@"
    mkdir -p "/packages/$name"; mv /var/cache/apt/archives/*.deb "/packages/$name/"
}
fetch services nginx-light openssh-server sudo
fetch gcc gcc libc6-dev make
# Only what Charliecloud's ch-image would install by itself.
apt-get install -q -y --no-install-recommends fakeroot

mkdir /src; cd /src
apt-get source -q --download-only bzip2 lua5.4
tar xf bzip2_*.orig.tar.*; tar xf lua5.4_*.orig.tar.*
rm -f ./*.tar.* ./*.dsc; mv bzip2-* bzip2; mv lua* lua
apt-get clean; rm -rf /var/lib/apt/lists/*

# As images for containers have it: packages do not start their services.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d

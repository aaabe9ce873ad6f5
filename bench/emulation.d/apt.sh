# image: plain
# Packages whose scripts make users, groups, setuid programs and files of others.
DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends /packages/services/*.deb

. /scenario/steps.sh
export SOURCE_DATE_EPOCH=1700000000
mkdir -p /srv/debs; cd /tmp
package() { # NAME VERSION: from NAME/, whose DEBIAN has the scripts
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: d\n' $1 $2 > $1/DEBIAN/control
    [ ! -f $1/DEBIAN/extra ] || { cat $1/DEBIAN/extra >> $1/DEBIAN/control; rm $1/DEBIAN/extra; }
    chmod -R g-s $1/DEBIAN; chmod 755 $1/DEBIAN/p* 2>/dev/null || true
    dpkg-deb -Zxz -b $1 /srv/debs > /dev/null   # with the owners that its files have
}
for version in 1 2; do
    rm -rf server watcher
    mkdir -p server/DEBIAN server/usr/bin server/etc/server server/var/lib/server server/usr/share/watched
    echo "echo server $version" > server/usr/bin/server; chown 0:8 server/usr/bin/server; chmod 2755 server/usr/bin/server
    echo "config $version" > server/etc/server/main.conf; echo same > server/etc/server/other.conf
    echo $version > server/usr/share/watched/server; ln server/usr/bin/server server/usr/bin/server-link; ln -s server server/usr/bin/server-soft
    chown 33:33 server/var/lib/server; chmod 3770 server/var/lib/server
    [ $version = 1 ] && echo old > server/usr/share/watched/only-1 || mkdir server/usr/share/watched/only-2
    printf '/etc/server/main.conf\n/etc/server/other.conf\n' > server/DEBIAN/conffiles
    cat > server/DEBIAN/preinst <<'E'
#!/bin/sh
set -e
echo "preinst $*" >> /evidence
getent passwd serv >/dev/null || useradd --system --home-dir /var/lib/server --shell /usr/sbin/nologin serv
[ "$1" != install ] || dpkg-divert --package server --divert /usr/bin/env.real --rename --add /usr/bin/env
E
    cat > server/DEBIAN/postinst <<'E'
#!/bin/sh
set -e
echo "postinst $*" >> /evidence
chown -R serv:mail /var/lib/server; chmod 2750 /var/lib/server
touch /var/lib/server/state; chown serv /var/lib/server/state
[ -e /usr/bin/env ] || ln -s env.real /usr/bin/env
update-alternatives --install /usr/bin/serve serve /usr/bin/server 50
E
    cat > server/DEBIAN/prerm <<'E'
#!/bin/sh
set -e
echo "prerm $*" >> /evidence
[ "$1" != remove ] || update-alternatives --remove serve /usr/bin/server
E
    cat > server/DEBIAN/postrm <<'E'
#!/bin/sh
set -e
echo "postrm $*" >> /evidence
if [ "$1" = remove ]; then rm -f /usr/bin/env; dpkg-divert --package server --divert /usr/bin/env.real --rename --remove /usr/bin/env; fi
if [ "$1" = purge ]; then userdel serv; rm -rf /var/lib/server; fi
E
    package server $version
done
mkdir -p watcher/DEBIAN; echo 'interest-noawait /usr/share/watched' > watcher/DEBIAN/triggers; echo 'Depends: server' > watcher/DEBIAN/extra
printf '#!/bin/sh\necho "watcher $*" >> /evidence\nls /usr/share/watched > /var/lib/watched\n' > watcher/DEBIAN/postinst
package watcher 1
rm -r server watcher; ls /srv/debs >> /evidence
settle

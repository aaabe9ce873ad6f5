. /scenario/steps.sh
export HOME=/root GOCACHE=/tmp/gocache GO111MODULE=off CGO_ENABLED=0 GOFLAGS=-trimpath
mkdir /srv/g; cp /scenario/main.go /srv/g; cd /srv/g; go build -o prog main.go; go vet main.go; rm -rf /tmp/gocache
note ./prog; note su -s /bin/sh daemon -c /srv/g/prog
list /srv/g

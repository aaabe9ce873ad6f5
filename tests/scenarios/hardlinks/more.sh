. /scenario/steps.sh
cd /srv/h
# links between two lower layers, and to files of the base image
ln linked.3 linked.4; ln /usr/bin/env /srv/h/env; ln -s env e; chown 5:5 linked.4; rm d/linked.2; touch t1; rm -r copy
echo last >> written; rm written; ln d/written.2 written
note stat -c '%n %h %s' linked linked.3 linked.4 env written d/written.2
list /srv/h
settle

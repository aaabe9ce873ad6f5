. /scenario/steps.sh
cd /srv/h
echo more >> /srv/setuid-written
echo new > written; echo more >> d/appended.2; ln linked linked.3; mv renamed other; rm removed
chmod 600 metadata; chown 1000:1000 d/metadata.2; : > truncated; touch -d @1600000000 timed
mv swapped swapped.old; echo other > swapped; sed -i s/three/THREE/ t2; ln -f kept kept.3; cp --remove-destination written d/kept.2
# Whether a name still is the same file as another one, when a step wrote to one of them, is the store's choice
# (overlayfs copies one name up); every tier and buildah make the same.
note cat d/written.2; note cat appended; note stat -c %a:%u metadata d/metadata.2; note cat d/truncated.2; note stat -c %Y d/timed.2
same "$(cat t1)" three; same "$(stat -c %h linked.3)" "$(stat -c %h linked)"
ln s1 s3; mv d/t3 d/t4
note stat -c '%n %h %s' written d/written.2 linked linked.3 other removed metadata t1 t2 d/t4 s1 s2 s3 kept kept.3
list /srv/h
settle

. /scenario/steps.sh
bin=$(echo /usr/lib/postgresql/*/bin)
install -d -o postgres -g postgres -m 700 /var/lib/postgresql/data
refused $bin/initdb -D /srv/as-root
su postgres -c "$bin/initdb -D /var/lib/postgresql/data -A peer -E UTF8 --locale=C.UTF-8" > /dev/null
su postgres -c "$bin/pg_ctl -w -s -D /var/lib/postgresql/data -l /var/lib/postgresql/log start"
note su postgres -c "psql -qAt -c \"create table t (i int, who text); insert into t values (1, 'one'), (2, current_user); select * from t\""
note su www-data -s /bin/sh -c 'psql -U postgres -qAt -c "select 1"' # peer: refused
note psql -U postgres -qAt -c 'select 1'
su postgres -c "$bin/pg_ctl -w -s -D /var/lib/postgresql/data stop"
note find /var/lib/postgresql -maxdepth 2 -printf '%y %m %u:%g %p\n'
sort -o /evidence /evidence

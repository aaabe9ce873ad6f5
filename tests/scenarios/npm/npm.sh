. /scenario/steps.sh
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_offline=true npm_config_loglevel=error
mkdir -p /srv/thing/bin; cd /srv/thing
cat > package.json <<'J'
{"name": "thing", "version": "1.0.0", "bin": {"thing": "bin/thing.js"}, "scripts": {"install": "id -u > installed-by; touch made"}}
J
printf '#!/usr/bin/env node\nconst c = require("child_process"); console.log("a thing", c.execSync("id -un").toString().trim(), process.argv0);\n' > bin/thing.js
chmod 755 bin/thing.js; npm pack --silent >/dev/null
npm install -g --silent ./thing-1.0.0.tgz; note thing
useradd -m ann; chage -d 19000 ann; install -d -o ann -g ann /srv/project
su ann -c 'cd /srv/project && npm init -y >/dev/null && npm install --silent /srv/thing/thing-1.0.0.tgz && ls -a && npx thing' >> /evidence
note node -e 'const fs = require("fs"); fs.writeFileSync("/srv/w", "x"); const s = fs.statSync("/srv/project"); console.log(s.uid, s.gid, s.mode.toString(8), process.getuid(), process.execPath)'
note su ann -c 'node -e "console.log(process.getuid(), process.geteuid(), require(\"os\").userInfo().username)"'
list /srv/project /usr/local/lib/node_modules /usr/local/bin

. /scenario/steps.sh
note rpm -V server tool
chown root /var/lib/server/data/state; note rpm -V server; rpm --restore server; note rpm -V server
dnf -q -y --disablerepo='*' --setopt=clean_requirements_on_remove=False remove tool; rpm -e --force-debian server; note rpm -qa; note ls -R /var/lib/server

. /scenario/steps.sh
export SOURCE_DATE_EPOCH=1700000000
mkdir -p /srv/repo
for spec in server tool; do
    rpmbuild -bb --quiet --define '_topdir /tmp/rpmbuild' --define '_rpmdir /srv/repo' --define '_build_name_fmt %{NAME}.rpm' \
        --define '_buildhost host' --define '_binaries_in_noarch_packages_terminate_build 0' --define '__os_install_post %{nil}' \
        --define 'use_source_date_epoch_as_buildtime 1' --define 'clamp_mtime_to_source_date_epoch 1' /scenario/$spec.spec
done
rm -rf /tmp/rpmbuild; createrepo_c -q --revision 1 --set-timestamp-to-revision /srv/repo
note rpm -qp --qf '[%{FILENAMES} %{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILECAPS}\n]' /srv/repo/server.rpm

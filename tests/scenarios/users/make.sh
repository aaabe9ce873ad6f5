. /scenario/steps.sh
groupadd -g 3000 crew
groupadd --system machines
useradd -m -u 2000 -g crew -G staff,audio -s /bin/sh -c "Ann" ann
useradd -r -m -d /var/lib/svc -s /bin/sh svc
useradd -m -s /bin/sh gone
useradd -m -s /bin/sh bob
su ann -c 'touch ~/before'
usermod -u 2100 -a -G video ann          # her files change with her
usermod -a -G crew svc
usermod -l robert -d /home/robert -m bob
groupmod -g 3100 machines
gpasswd -a ann machines
gpasswd -d ann video
echo 'ann:$6$abcdefgh$3Vz0yW0zEk4dK0VxJc1sYyqkM5G4x1v9L8Kb7h0yVtA1Q2w3E4r5T6y7U8i9O0p1A2s3D4f5G6h7J8k9L0z1X2' | chpasswd -e
passwd -l svc
userdel -r gone
groupdel audio-none 2>/dev/null || true
same "$(stat -c %u:%g /home/ann/before)" 2100:3000
chown -R svc:machines /var/lib/svc
chmod 2750 /var/lib/svc
for user in ann svc robert; do chage -d 19000 $user; done  # else: today
note id ann; note id svc; note id robert; note getent group crew
note pwck -r; note grpck -r
list /home /var/lib/svc
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-
settle

# image: tools
# Calls that are answered, and nothing else: the worst case.
for _ in 1 2 3 4 5; do find /usr /etc /var -print0 | xargs -0 stat -c '%U %n' | wc -l; done

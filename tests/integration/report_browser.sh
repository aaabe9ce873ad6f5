#!/bin/bash
# users: userns
# cost: 30
# A build's page in a real browser: it shows what it must, from disk, and nothing in it runs or loads.
. "$(dirname "$0")/../support/lib.sh"
need chromium
dockerfile <<'D'
FROM @TINY@
RUN echo "</pre></style><script>document.title='pwned'</script><img src=http://127.0.0.1:9/x onerror=document.title='pwned'>"; printf '\033]0;pwned\007\033[31mred\033[0m \377\n'
RUN echo "<svg onload=document.title='pwned'>" | sed s/pwned/pwned/
D
build -t "app" ctx --report "page.html"
short=$(mktemp -d /tmp/lichen-b.XXXXXX)  # the browser's socket wants a short path
trap 'rm -rf "$short"; finish' EXIT
browser() {
    HOME=$T TMPDIR=$short timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$T/chromium" --virtual-time-budget=2000 "$@" "file://$T/page.html" 2>"$T/browser.log"
}
browser --dump-dom > dom || { cat browser.log; fail "the browser failed"; }
grep -q '<title>Build 20' dom || fail "its title is another"
grep -q 'Critical path' dom; grep -q 'Timeline' dom; grep -q 'never built here' dom
! grep -qE '<(script|img|svg)' dom || fail "a log became markup"
same "$(grep -c 'class="step"' dom)" "$(grep -c 'class=step' page.html)" "steps in the page"
# At a telephone's width and a screen's nothing is wider than the window: the page says so itself, by its picture's size.
for width in 400 1400; do
    browser --hide-scrollbars --window-size=$width,1200 --screenshot="$T/$width.png" > /dev/null || { cat browser.log; fail "no picture"; }
    [ "$(stat -c %s $width.png)" -gt 5000 ] || fail "the picture at $width is empty"
done

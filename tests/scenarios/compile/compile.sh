. /scenario/steps.sh
mkdir /srv/c; cd /srv/c
i=0
while [ $i -lt 24 ]; do echo "int f$i(int x) { return x * $i; }" > f$i.c; i=$((i + 1)); done
cat > main.cc <<'E'
#include <cstdio>
#include <stdexcept>
#include <string>
extern "C" int f3(int);
int main(int, char** argv) {
  try { throw std::runtime_error(std::string("caught ") + std::to_string(f3(14))); }
  catch (const std::exception& e) { std::printf("%s by %s\n", e.what(), argv[0]); }
}
E
printf 'OBJECTS := $(patsubst %%.c,%%.o,$(wildcard f*.c))\nall: main shared static\nlibf.a: $(OBJECTS)\n\tar rcD $@ $^\nmain: main.cc libf.a\n\tg++ -o $@ $^\nshared: main.cc libf.so\n\tg++ -o $@ main.cc -L. -lf -Wl,-rpath,/srv/c\nlibf.so: $(wildcard f*.c)\n\tgcc -shared -fPIC -o $@ $^\nstatic: main.cc libf.a\n\tg++ -static -o $@ $^\n' > Makefile
make -j4 > /dev/null
for program in ./main ./shared ./static /srv/c/main; do note $program; done
note bash -c 'exec -a other ./main' ; note /usr/bin/env ./static
note sh -c 'echo "int main(){return 42;}" | gcc -x c - -o /srv/c/small; /srv/c/small'
chmod 6755 main; list /srv/c

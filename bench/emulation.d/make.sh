# image: tools
# Lua, by its own makefile.
rm -rf /work; cp -r /src/lua /work; cd /work
export TMPDIR=/work
make -j4 linux
src/lua -v

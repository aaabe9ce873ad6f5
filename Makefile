# Thin: every target is one script or one cmake call. See docs/testing.md.
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
launcher := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

# What ccache needs to know of precompiled headers.
export CCACHE_SLOPPINESS := pch_defines,time_macros,include_file_mtime,include_file_ctime
export CCACHE_BASEDIR := $(CURDIR)

all: release

release: build/release/build.ninja
	cmake --build build/release -j$(JOBS) --target lichen

build/release/build.ninja: CMakeLists.txt CMakePresets.json
	cmake --preset release $(launcher)

demo: ; ./setup && $(MAKE) --no-print-directory release && tests/support/demo
test: ; ./setup && tests/support/test
check: ; tools/check dev
# The cases of shared/conformance, or of LICHEN_CONFORMANCE=DIR; 77 says that there are none.
conformance: build/release/build.ninja
	cmake --build build/release -j$(JOBS) --target conformance
	build/release/tests/conformance/conformance $(LICHEN_CONFORMANCE) || [ $$? = 77 ]
bench: release
	cmake --build build/release --target language_bench solver_bench data_path_bench
	build/release/bench/language_bench && build/release/bench/solver_bench
	bench/data-path && bench/run && bench/emulation
# FUZZ_MINUTES for each reader of foreign bytes.
fuzz: ; tests/support/fuzz $(or $(FUZZ_MINUTES),10)
soak: release ; tests/support/soak
format: ; tools/format --fix
install: release ; install -D -m 755 build/release/lichen $(DESTDIR)$(PREFIX)/bin/lichen
clean: ; rm -rf build

.PHONY: all release demo test check conformance bench fuzz soak format install clean

# LICHEN_SANITIZE=address,undefined | thread ; set by presets only.
set(LICHEN_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize= takes them")
if(LICHEN_SANITIZE)
  target_compile_options(lichen_flags INTERFACE -fsanitize=${LICHEN_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(lichen_flags INTERFACE -fsanitize=${LICHEN_SANITIZE})
endif()
option(LICHEN_FUZZ "build tests/fuzz with libFuzzer (clang)" OFF)

# Flags of every lichen target live on one interface target; nothing is global.
add_library(lichen_flags INTERFACE)
target_compile_options(lichen_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers
  # g++ 12 warns of overlaps and bounds inside std::string that cannot be (its bugs 105651, 105329).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-array-bounds>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overread>)
target_compile_definitions(lichen_flags INTERFACE
  _GNU_SOURCE _FILE_OFFSET_BITS=64 LICHEN_VERSION="${PROJECT_VERSION}"
  $<$<NOT:$<CONFIG:Release>>:_GLIBCXX_ASSERTIONS>)
# One include root: #include "os/fd.h".
target_include_directories(lichen_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
option(LICHEN_WERROR "warnings are errors (on in the presets that we run)" OFF)
if(LICHEN_WERROR)
  target_compile_options(lichen_flags INTERFACE -Werror)
endif()

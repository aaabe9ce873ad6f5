# With LICHEN_PCH (preset release) all modules share one precompiled header of the standard headers
# that nearly every file reads: half of a compilation is parsing them. The dev preset goes without,
# and so proves that every file includes what it uses.
option(LICHEN_PCH "precompile the standard headers" OFF)
set(lichen_pch_headers <algorithm> <atomic> <cstdint> <functional> <map> <memory> <mutex> <optional>
    <set> <string> <string_view> <thread> <utility> <variant> <vector> <tl/expected.hpp>)
function(lichen_precompile target)
  if(NOT LICHEN_PCH)
    return()
  endif()
  target_compile_options(${target} PRIVATE -fpch-preprocess)  # for ccache
  if(target STREQUAL "lichen_base")
    target_precompile_headers(${target} PRIVATE ${lichen_pch_headers})
  else()
    target_precompile_headers(${target} REUSE_FROM lichen_base)
  endif()
endfunction()

# lichen_module(NAME SOURCES a.cc … [HEADERS a.h …] [DEPS other …] [LIBS PkgConfig::X …]
#               [TESTS a_test.cc …] [TEST_DEPS other …])
#
# Makes the static library lichen_NAME from src/NAME and, with TESTS, the program NAME_test whose
# cases carry the ctest label `unit`. DEPS is the whole list of lichen modules that NAME may use
# (base is implied); it is recorded, and tools/check_layers.py holds every #include against it.
function(lichen_module name)
  cmake_parse_arguments(M "" "" "SOURCES;HEADERS;DEPS;LIBS;TESTS;TEST_DEPS" ${ARGN})
  add_library(lichen_${name} STATIC ${M_SOURCES})
  target_sources(lichen_${name} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/src"
    FILES ${M_HEADERS})
  target_link_libraries(lichen_${name} PUBLIC lichen_flags)
  if(NOT name STREQUAL "base")
    target_link_libraries(lichen_${name} PUBLIC lichen_base)
  endif()
  foreach(dep ${M_DEPS})
    target_link_libraries(lichen_${name} PUBLIC lichen_${dep})
  endforeach()
  target_link_libraries(lichen_${name} PRIVATE ${M_LIBS})
  lichen_precompile(lichen_${name})
  string(REPLACE ";" " " deps "${M_DEPS}")
  set_property(GLOBAL APPEND_STRING PROPERTY LICHEN_LAYERS "${name}: ${deps}\n")

  if(M_TESTS AND BUILD_TESTING)
    add_executable(${name}_test ${M_TESTS})
    target_link_libraries(${name}_test PRIVATE lichen_${name} GTest::gtest GTest::gtest_main ${M_LIBS})
    foreach(dep ${M_TEST_DEPS})
      target_link_libraries(${name}_test PRIVATE lichen_${dep})
    endforeach()
    lichen_precompile(${name}_test)
    target_compile_definitions(${name}_test PRIVATE
      LICHEN_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
    # One ctest entry a module: starting a process per case would cost more than the cases.
    add_test(NAME unit.${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 60)
  endif()
endfunction()

# Writes build/…/layers.txt, what tools/check_layers.py and docs/architecture.md's table read.
function(lichen_write_layer_table)
  get_property(table GLOBAL PROPERTY LICHEN_LAYERS)
  file(WRITE "${PROJECT_BINARY_DIR}/layers.txt" "${table}")
endfunction()

# Compiler and linker settings for everything that we compile.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug or Release" FORCE)
endif()
# HT_CHECK stays on in release by itself; -O2 rather than CMake's -O3, which only grows the code.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

option(HT_WERROR "Treat warnings as errors." OFF)
set(HT_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined or thread.")
option(HT_COVERAGE "Instrument for gcov." OFF)
option(HT_FUZZ "Build tests/fuzz with libFuzzer, which only clang has." OFF)
option(HT_TIDY "Run clang-tidy on every source that we compile." OFF)
option(HT_BUILD_TESTS "Build the tests." ON)

# Same doubles on every machine and at every optimisation level: no fused multiply-add.
add_compile_options(-ffp-contract=off)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  add_link_options(-Wl,-z,relro,-z,now)
endif()
if(HT_SANITIZE)
  add_compile_options(-fsanitize=${HT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HT_SANITIZE})
endif()
if(HT_FUZZ)
  # -O1: a fuzzer that is twice as fast finds more than one whose stacks are a little clearer.
  add_compile_options(-fsanitize=fuzzer-no-link -O1)
endif()
if(HT_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

# The first faster linker that the compiler knows and the machine has.
foreach(linker IN ITEMS mold lld gold)
  find_program(HT_LINKER_${linker} NAMES ld.${linker})
  if(HT_LINKER_${linker})
    add_link_options(-fuse-ld=${linker})
    message(STATUS "Linker: ${HT_LINKER_${linker}}")
    break()
  endif()
endforeach()

find_program(HT_CCACHE ccache)
if(HT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HT_CCACHE})
endif()

# What our own sources are compiled with; generated code does not link this.
add_library(heliotrope_options INTERFACE)
target_compile_options(heliotrope_options INTERFACE -Wall -Wextra -Wshadow -Wconversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  # gcc 12 sees uninitialised members in every std::optional that it inlines; clang's analysis and
  # the sanitizers look for the real ones.
  target_compile_options(heliotrope_options INTERFACE -Wno-maybe-uninitialized)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(heliotrope_options INTERFACE -Wthread-safety)
endif()
if(HT_WERROR)
  target_compile_options(heliotrope_options INTERFACE -Werror)
endif()
target_include_directories(heliotrope_options INTERFACE ${CMAKE_SOURCE_DIR})

if(HT_TIDY)
  find_program(HT_CLANG_TIDY NAMES clang-tidy REQUIRED)
endif()

# How rooms, programs, tests and protobuf libraries are declared.
include(GoogleTest)

# Turns DEPS into targets: a room (scheduler_base) is heliotrope_scheduler_base, all else is itself.
function(ht_targets_of out)
  set(targets)
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "^(scheduler|agent|tests)_[a-z_]+$")
      list(APPEND targets heliotrope_${dep})
    else()
      list(APPEND targets ${dep})
    endif()
  endforeach()
  set(${out} ${targets} PARENT_SCOPE)
endfunction()

function(ht_tidy_target target)
  if(HT_TIDY)
    set_target_properties(${target} PROPERTIES CXX_CLANG_TIDY "${HT_CLANG_TIDY};--quiet")
  endif()
endfunction()

# ht_library(<room> SOURCES a.cc a.h... DEPS <rooms and targets> [PRIVATE_DEPS <the same>])
# The static library heliotrope_<room>; without a .cc among SOURCES, a header-only one. PRIVATE_DEPS
# are those that its headers do not show.
function(ht_library room)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS;PRIVATE_DEPS")
  ht_targets_of(deps ${arg_DEPS})
  ht_targets_of(private_deps ${arg_PRIVATE_DEPS})
  set(target heliotrope_${room})
  set(compiled ${arg_SOURCES})
  list(FILTER compiled INCLUDE REGEX "\\.cc$")
  if(compiled)
    add_library(${target} STATIC ${arg_SOURCES})
    target_link_libraries(${target} PUBLIC heliotrope_options ${deps} PRIVATE ${private_deps})
    ht_tidy_target(${target})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE heliotrope_options ${deps})
  endif()
endfunction()

# ht_program(<name> SOURCES main.cc... DEPS <rooms and targets>): the executable bin/<name>.
function(ht_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPS")
  ht_targets_of(deps ${arg_DEPS})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE heliotrope_options ${deps})
  ht_tidy_target(${name})
endfunction()

# ht_test(<name> SOURCES x_test.cc... DEPS <rooms and targets> [LABEL unit] [TIMEOUT 60]
#         [PROGRAMS <targets that the test starts>] [WHOLE])
# A GoogleTest executable; each of its tests is one of ctest's, named <name>.<Suite>.<Test>, or with
# WHOLE the executable is a single one. HT_SOURCE_DIR and HT_BIN_DIR (where programs are) are defined.
function(ht_test name)
  if(NOT HT_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "WHOLE" "LABEL;TIMEOUT" "SOURCES;DEPS;PROGRAMS")
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  if(HT_SANITIZE)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 4")
  endif()
  ht_targets_of(deps ${arg_DEPS})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name}
    PRIVATE heliotrope_options ${deps} GTest::gmock GTest::gtest GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE
    HT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HT_BIN_DIR="${CMAKE_RUNTIME_OUTPUT_DIRECTORY}")
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/bin)
  if(arg_PROGRAMS)
    add_dependencies(${name} ${arg_PROGRAMS})
  endif()
  ht_tidy_target(${name})
  if(arg_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
  else()
    gtest_discover_tests(${name} TEST_PREFIX ${name}. NO_PRETTY_VALUES DISCOVERY_MODE PRE_TEST
      DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT})
  endif()
endfunction()

# ht_protobuf(<target> [GRPC] [ROOT <dir>] PROTOS a.proto... DEPS <targets>)
# Generates C++ from protos below ROOT, by default proto/, and compiles it without warnings of ours.
# The headers are included as in the proto's own path: "heliotrope/v1/jobs.pb.h".
set(HT_PROTO_DIR ${CMAKE_SOURCE_DIR}/proto)
set(HT_PROTO_OUT ${CMAKE_BINARY_DIR}/generated)
function(ht_protobuf target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "GRPC" "ROOT" "PROTOS;DEPS")
  if(NOT arg_ROOT)
    set(arg_ROOT ${HT_PROTO_DIR})
  endif()
  set(sources)
  foreach(proto IN LISTS arg_PROTOS)
    cmake_path(RELATIVE_PATH proto BASE_DIRECTORY ${arg_ROOT} OUTPUT_VARIABLE relative)
    string(REGEX REPLACE "\\.proto$" "" stem ${HT_PROTO_OUT}/${relative})
    if(arg_GRPC)
      set(outputs ${stem}.grpc.pb.cc ${stem}.grpc.pb.h)
      set(flags --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>
        --grpc_out=${HT_PROTO_OUT})
      add_custom_command(OUTPUT ${outputs}
        COMMAND protobuf::protoc -I ${arg_ROOT} ${flags} ${proto}
        DEPENDS ${proto} COMMENT "gRPC code of ${relative}" VERBATIM)
    else()
      set(outputs ${stem}.pb.cc ${stem}.pb.h)
      add_custom_command(OUTPUT ${outputs}
        COMMAND protobuf::protoc -I ${arg_ROOT} --cpp_out=${HT_PROTO_OUT}
          --dependency_out=${stem}.d ${proto}
        DEPENDS ${proto} DEPFILE ${stem}.d COMMENT "Messages of ${relative}" VERBATIM)
    endif()
    list(APPEND sources ${outputs})
  endforeach()
  file(MAKE_DIRECTORY ${HT_PROTO_OUT})
  if(NOT sources)
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE ${arg_DEPS})
    return()
  endif()
  add_library(${target} STATIC ${sources})
  target_compile_options(${target} PRIVATE -w)
  target_include_directories(${target} SYSTEM PUBLIC ${HT_PROTO_OUT})
  target_link_libraries(${target} PUBLIC ${arg_DEPS} protobuf::libprotobuf Threads::Threads)
endfunction()

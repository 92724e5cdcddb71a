# The libraries of Debian 12 (deploy/dependencies) as CMake targets:
#   absl::*  gRPC::grpc++  gRPC::grpc++_reflection  protobuf::libprotobuf  prometheus-cpp::core
#   SQLite::SQLite3  yaml-cpp  spdlog::spdlog  zstd::libzstd_shared  LibArchive::LibArchive
#   OpenSSL::SSL  OpenSSL::Crypto  PkgConfig::SYSTEMD  PkgConfig::HTTPLIB  CLI11::CLI11
#   LEMON::lemon
#   GTest::gtest  GTest::gmock  GTest::gtest_main  benchmark::benchmark  Clp::Clp
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(Protobuf MODULE REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(zstd CONFIG REQUIRED)
find_package(LibArchive REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
pkg_check_modules(SYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
# Its own CMake files name no target.
find_path(LEMON_INCLUDE_DIR lemon/network_simplex.h REQUIRED)
find_library(LEMON_LIBRARY lemon REQUIRED)
add_library(LEMON::lemon UNKNOWN IMPORTED)
set_target_properties(LEMON::lemon PROPERTIES
  IMPORTED_LOCATION ${LEMON_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${LEMON_INCLUDE_DIR})

if(HT_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
  find_package(benchmark CONFIG REQUIRED)
  # Its pkg-config file names libraries that only linking statically needs.
  find_path(CLP_INCLUDE_DIR Clp_C_Interface.h PATH_SUFFIXES coin REQUIRED)
  find_library(CLP_LIBRARY Clp REQUIRED)
  add_library(Clp::Clp UNKNOWN IMPORTED)
  set_target_properties(Clp::Clp PROPERTIES
    IMPORTED_LOCATION ${CLP_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${CLP_INCLUDE_DIR})
endif()

# SPDX-License-Identifier: Apache-2.0
# How every target of this project is compiled: warnings, sanitizers, checked mode.

set(TANDEM_SANITIZE "" CACHE STRING "Sanitizers to build with, as for -fsanitize=")
option(TANDEM_FUZZ "Make the fuzz targets libFuzzer programs; needs clang" OFF)
option(TANDEM_WERROR "Treat warnings as errors" ON)
if(TANDEM_SANITIZE)  # then no application is a shared library, and nothing is installed
  set(TANDEM_SANITIZES ON)
else()
  set(TANDEM_SANITIZES OFF)
endif()

add_library(tandem_options INTERFACE)
target_compile_features(tandem_options INTERFACE cxx_std_20)
target_include_directories(tandem_options INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
# For this project alone; whoever uses it from an installation warns as he likes.
function(tandem_compile_with)
  target_compile_options(tandem_options INTERFACE "$<BUILD_INTERFACE:${ARGN}>")
endfunction()
tandem_compile_with(-Wall -Wextra -Wpedantic -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # It sees overlaps where "text" + std::to_string(n) is inlined (GCC bug 105651).
  tandem_compile_with(-Wno-restrict)
endif()
if(TANDEM_WERROR)
  tandem_compile_with(-Werror)
endif()
if(TANDEM_SANITIZE)
  tandem_compile_with(-fsanitize=${TANDEM_SANITIZE} -fno-sanitize-recover=all -g1)
  target_link_options(tandem_options INTERFACE
                      "$<BUILD_INTERFACE:-fsanitize=${TANDEM_SANITIZE}>")
  if(TANDEM_SANITIZE MATCHES thread)
    # Asio has fences, of which this sanitizer knows nothing; it knows the locks beside them.
    tandem_compile_with(-Wno-tsan)
  endif()
endif()
# Checked mode: fences, poisoning and the other expensive checks of the pools.
if(CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_definitions(tandem_options INTERFACE TANDEM_CHECKED=1)
endif()

# tandem_library(NAME SOURCES... DEPENDS...): a library of one folder with the project's settings.
function(tandem_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC tandem_options ${ARG_DEPENDS} PRIVATE ${ARG_PRIVATE_DEPENDS})
endfunction()

# tandem_shared_part(NAME SOURCES... DEPENDS...): the same, for applications as shared libraries.
function(tandem_shared_part name)
  tandem_library(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON
                                           EXCLUDE_FROM_ALL ${TANDEM_SANITIZES})
endfunction()

# tandem_proto_library(NAME PROTOS... DEPENDS...): generated message classes. Paths of the .proto
# files are relative to proto/, as in their import lines.
function(tandem_proto_library name)
  cmake_parse_arguments(ARG "" "" "PROTOS;DEPENDS" ${ARGN})
  add_library(${name} STATIC)
  foreach(proto ${ARG_PROTOS})
    string(REPLACE ".proto" "" stem ${proto})
    set(out ${PROJECT_BINARY_DIR}/generated/${stem})
    add_custom_command(
      OUTPUT ${out}.pb.cc ${out}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/generated
      COMMAND protobuf::protoc --cpp_out=${PROJECT_BINARY_DIR}/generated
              -I${PROJECT_SOURCE_DIR}/proto ${PROJECT_SOURCE_DIR}/proto/${proto}
      DEPENDS ${PROJECT_SOURCE_DIR}/proto/${proto}
      COMMENT "protoc ${proto}")
    target_sources(${name} PRIVATE ${out}.pb.cc ${out}.pb.h)
  endforeach()
  target_include_directories(${name} SYSTEM PUBLIC ${PROJECT_BINARY_DIR}/generated)
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf ${ARG_DEPENDS})
  target_compile_features(${name} PUBLIC cxx_std_20)
  if(TANDEM_SANITIZE)
    target_compile_options(${name} PRIVATE -fsanitize=${TANDEM_SANITIZE})
  endif()
endfunction()

# SPDX-License-Identifier: Apache-2.0
#
# For applications of Tandem, in its own tree and in projects that find it installed.

# tandem_messages(NAME PROTOS...): a library with the message classes of .proto files, which may
# import "tandem/options.proto" and one another. Paths count from the current folder; whoever links
# NAME includes "x.pb.h" for x.proto.
#
#   tandem_messages(ledger_messages ledger.proto)
function(tandem_messages name)
  get_property(tandem_protos GLOBAL PROPERTY TANDEM_PROTO_FOLDER)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.generated)
  set(sources)
  foreach(proto ${ARGN})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    add_custom_command(
      OUTPUT ${folder}/${stem}.pb.cc ${folder}/${stem}.pb.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
      COMMAND protobuf::protoc --cpp_out=${folder} -I${CMAKE_CURRENT_SOURCE_DIR}
              -I${tandem_protos} ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
      DEPENDS ${proto}
      COMMENT "protoc ${proto}"
      VERBATIM)
    list(APPEND sources ${folder}/${stem}.pb.cc ${folder}/${stem}.pb.h)
  endforeach()
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_include_directories(${name} SYSTEM PUBLIC ${folder})
  target_link_libraries(${name} PUBLIC tandem::engine)
endfunction()

# tandem_application(NAME SOURCES...): an application as a shared library, libNAME.so, for --app. It
# exports its entry points, which TANDEM_APPLICATION makes in one of the sources, and nothing else.
#
#   tandem_application(ledger ledger.cc)
#   target_link_libraries(ledger PRIVATE ledger_messages)
function(tandem_application name)
  set(map ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/application.map)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE tandem::engine)
  target_link_options(${name} PRIVATE -Wl,-z,defs -Wl,--version-script=${map})
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${map})
endfunction()

# SPDX-License-Identifier: Apache-2.0
# The C code of proto/*.proto is made at build time and never checked in.
set(xds_proto_dir ${CMAKE_CURRENT_LIST_DIR}/proto)
set(xds_out_dir ${CMAKE_BINARY_DIR}/xds-proto)
file(MAKE_DIRECTORY ${xds_out_dir})
set(xds_generated)
foreach(p any status discovery weft)
  add_custom_command(
    OUTPUT ${xds_out_dir}/${p}.pb-c.c ${xds_out_dir}/${p}.pb-c.h
    COMMAND ${PROTOC_C} --proto_path=${xds_proto_dir} --c_out=${xds_out_dir} ${p}.proto
    DEPENDS ${xds_proto_dir}/${p}.proto
    VERBATIM)
  list(APPEND xds_generated ${xds_out_dir}/${p}.pb-c.c)
endforeach()
add_library(weft_xds_proto STATIC ${xds_generated})
target_include_directories(weft_xds_proto SYSTEM PUBLIC ${xds_out_dir})
target_link_libraries(weft_xds_proto PUBLIC weft_dep_protobuf-c)
target_compile_options(weft_xds_proto PRIVATE -w)
target_link_libraries(weft_xds PUBLIC weft_xds_proto)
add_dependencies(weft_xds weft_xds_proto)

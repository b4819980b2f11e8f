# From BPF programs in C to a header that holds them: clang-14 of Debian 12 (another with -DBPF_CLANG=),
# bpftool. Debug information goes, types (BTF) stay.
find_program(BPF_CLANG NAMES clang-14 clang DOC "Compiler of the BPF programs")
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin DOC "Makes the skeleton of the BPF programs")
mark_as_advanced(BPF_CLANG BPFTOOL)

# scanlogd_add_bpf_skeleton(<target> <name>.bpf.c <header>...)
# Makes <name>.skel.h, with the structure <name>_bpf, and puts it on the include path of <target>. By
# itself it is the target <name>_skeleton.
function(scanlogd_add_bpf_skeleton target source)
  get_filename_component(name "${source}" NAME_WE)
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/bpf")
  set(headers ${ARGN})
  list(TRANSFORM headers PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  # Headers of the C library's architecture folder (asm/types.h) are not where clang -target bpf looks.
  set(architecture "")
  if(CMAKE_LIBRARY_ARCHITECTURE)
    set(architecture -isystem "/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}")
  endif()
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${folder}/${name}.skel.h"
    COMMAND "${BPF_CLANG}" -g -O2 -target bpf -mcpu=v3 -Wall -Wextra -Werror ${architecture} -c
            "${CMAKE_CURRENT_SOURCE_DIR}/${source}" -o "${folder}/${name}.unlinked.o"
    COMMAND "${BPFTOOL}" gen object "${folder}/${name}.o" "${folder}/${name}.unlinked.o"
    COMMAND sh -c "'${BPFTOOL}' gen skeleton '${folder}/${name}.o' name ${name}_bpf > '${folder}/${name}.skel.h'"
    DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${source}" ${headers}
    COMMENT "BPF programs ${name}"
    VERBATIM)
  add_custom_target(${name}_skeleton DEPENDS "${folder}/${name}.skel.h")
  add_dependencies(${target} ${name}_skeleton)
  target_sources(${target} PRIVATE "${folder}/${name}.skel.h")
  target_include_directories(${target} SYSTEM PRIVATE "${folder}")
endfunction()

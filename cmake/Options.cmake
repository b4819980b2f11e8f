# What every target of ours is compiled with. Linked privately as `scanlogd_options`; no global flags.
add_library(scanlogd_options INTERFACE)
target_compile_features(scanlogd_options INTERFACE cxx_std_23)
target_include_directories(scanlogd_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_definitions(scanlogd_options INTERFACE _GLIBCXX_ASSERTIONS)
target_compile_options(
  scanlogd_options
  INTERFACE -Wall
            -Wextra
            -Wpedantic
            -Wconversion
            -Wsign-conversion
            -Wshadow
            -Wold-style-cast
            -Wnon-virtual-dtor
            -Woverloaded-virtual
            -Wformat=2
            -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(scanlogd_options INTERFACE -Wduplicated-cond -Wlogical-op -Wuseless-cast)
else()
  # clang blames us for what std::stable_sort of libstdc++ 12 uses inside; GCC finds our own.
  target_compile_options(scanlogd_options INTERFACE -Wno-deprecated-declarations)
endif()

option(SCANLOGD_WERROR "Treat warnings as errors" OFF)
if(SCANLOGD_WERROR)
  target_compile_options(scanlogd_options INTERFACE -Werror)
endif()

set(SCANLOGD_SANITIZE "" CACHE STRING "Sanitizers, such as address,undefined")
if(SCANLOGD_SANITIZE)
  target_compile_options(scanlogd_options INTERFACE -fsanitize=${SCANLOGD_SANITIZE}
                                                    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(scanlogd_options INTERFACE -fsanitize=${SCANLOGD_SANITIZE})
endif()

option(SCANLOGD_HARDEN "Link-time optimisation and the usual hardening of a release" OFF)
if(SCANLOGD_HARDEN)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  include(CheckPIESupported)
  check_pie_supported()
  target_compile_options(scanlogd_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
                                                    -fcf-protection -fstack-clash-protection)
  target_link_options(scanlogd_options INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
                                                 -Wl,--as-needed)
endif()

set(CMAKE_CXX_EXTENSIONS OFF)

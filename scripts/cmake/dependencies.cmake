# What the library links to, as imported targets. Read by the build, and installed beside
# tame-config.cmake for those who use the library. TAME_MISSING gets one line for each part that
# was not found.
set(TAME_MISSING "")

# A library that may come without a pkg-config file: target tame::<name>. One without a header has "" for it;
# `library` may be a list of names.
function(tame_find_library name header library module package)
  if(TARGET tame::${name})
    return()
  endif()
  if(PKG_CONFIG_FOUND)
    pkg_check_modules(TAME_PC_${name} QUIET ${module})
  endif()
  find_library(TAME_${name}_LIBRARY NAMES ${library} HINTS ${TAME_PC_${name}_LIBRARY_DIRS}
                                                           ${TAME_PC_${name}_LIBDIR})
  mark_as_advanced(TAME_${name}_LIBRARY)
  set(found "${TAME_${name}_LIBRARY}")
  if(header)
    find_path(TAME_${name}_INCLUDE_DIR ${header} HINTS ${TAME_PC_${name}_INCLUDE_DIRS}
                                                       ${TAME_PC_${name}_INCLUDEDIR})
    mark_as_advanced(TAME_${name}_INCLUDE_DIR)
    if(NOT TAME_${name}_INCLUDE_DIR)
      set(found "")
    endif()
  endif()
  if(found)
    add_library(tame::${name} UNKNOWN IMPORTED)
    set_target_properties(tame::${name} PROPERTIES IMPORTED_LOCATION "${TAME_${name}_LIBRARY}")
    if(header)
      set_target_properties(tame::${name} PROPERTIES
        INTERFACE_INCLUDE_DIRECTORIES "${TAME_${name}_INCLUDE_DIR}")
    endif()
  else()
    if(NOT header)
      set(header "no header")
    endif()
    list(GET library 0 library)
    list(APPEND TAME_MISSING "${name} (${header}, lib${library}): ${package}")
    set(TAME_MISSING "${TAME_MISSING}" PARENT_SCOPE)
  endif()
endfunction()

find_package(PkgConfig QUIET)

find_package(MPI QUIET COMPONENTS C)
if(NOT MPI_C_FOUND)
  list(APPEND TAME_MISSING "MPI for C: libopenmpi-dev openmpi-bin")
endif()

find_package(OpenMP QUIET COMPONENTS C)
if(NOT OpenMP_C_FOUND)
  list(APPEND TAME_MISSING "OpenMP for C: a compiler that has it, as gcc in build-essential")
endif()

set(HDF5_PREFER_PARALLEL TRUE)
find_package(HDF5 QUIET COMPONENTS C)
if(NOT HDF5_FOUND)
  list(APPEND TAME_MISSING "HDF5, parallel: libhdf5-openmpi-dev")
elseif(NOT HDF5_IS_PARALLEL)
  list(APPEND TAME_MISSING
    "HDF5, parallel (${HDF5_VERSION} in ${HDF5_C_INCLUDE_DIRS} is serial): libhdf5-openmpi-dev, \
or set HDF5_ROOT")
elseif(NOT TARGET HDF5::HDF5) # CMake before 3.19 makes no target
  add_library(HDF5::HDF5 INTERFACE IMPORTED)
  set_target_properties(HDF5::HDF5 PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${HDF5_C_INCLUDE_DIRS}"
    INTERFACE_COMPILE_DEFINITIONS "${HDF5_C_DEFINITIONS}"
    INTERFACE_LINK_LIBRARIES "${HDF5_C_LIBRARIES}")
endif()

tame_find_library(yaml yaml.h yaml yaml-0.1 libyaml-dev)
tame_find_library(sleef sleef.h sleef sleef libsleef-dev)
tame_find_library(openblas cblas.h openblas openblas libopenblas-dev)
# Named after the MPI that it is for, on Debian and elsewhere.
tame_find_library(scalapack "" "scalapack-openmpi;scalapack;scalapack-mpich" scalapack-openmpi
  libscalapack-openmpi-dev)

# Every file is a test: tests/unit/test_X.c runs alone, tests/mpi/test_X.c under mpirun, and
# tests/system/X.sh drives the program. A file may say, in a comment on a line of its own,
#   ranks: 1 2 3 4 7     how many ranks to run it on (tests/mpi; without it: 1 2 3)
#   ranks: 7             how many it starts (tests/system); scripts that say so never run at once
#   timeout: 60          seconds it may take; those that may take the longest start first
file(GLOB support_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*.c")

set(environment
  # Open MPI on one machine: as root, more ranks than cores, no core taken by two tests at once.
  OMPI_ALLOW_RUN_AS_ROOT=1
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1
  OMPI_MCA_hwloc_base_binding_policy=none
  OMPI_MCA_mpi_yield_when_idle=1
  OMPI_MCA_pml=ob1 # it would be chosen anyway, after a fifth of a second in search of fabrics
  OMPI_MCA_btl_vader_single_copy_mechanism=none
  OMP_WAIT_POLICY=passive
  OPENBLAS_NUM_THREADS=1)
if(TAME_SANITIZE)
  list(APPEND environment
    "LSAN_OPTIONS=suppressions='${PROJECT_SOURCE_DIR}/scripts/lsan.supp':print_suppressions=0"
    # libasan of GCC 12 walks off its list of thread-local blocks
    ASAN_OPTIONS=detect_leaks=1:intercept_tls_get_addr=0
    UBSAN_OPTIONS=print_stacktrace=1)
endif()

# What a test says about itself: the value of `key:`, or the default.
function(tame_test_says file key default out)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(STRINGS "${file}" line REGEX "^[ \t]*(#|/\\*|//)[ \t]*${key}:[ 0-9]+" LIMIT_COUNT 1)
  if(line)
    string(REGEX REPLACE "^.*${key}:[ ]*([0-9 ]*[0-9]).*$" "\\1" default "${line}")
    string(REPLACE " " ";" default "${default}")
  endif()
  set(${out} "${default}" PARENT_SCOPE)
endfunction()

# cores: as many as it keeps busy; ranks beyond the cores of the machine run alone.
function(tame_test_properties name label file ranks cores)
  tame_test_says("${file}" timeout 120 timeout)
  if(TAME_SANITIZE OR TAME_TEST_LAUNCHER)
    math(EXPR timeout "${timeout} * 5")
  endif()
  set(threads 2)
  if(ranks GREATER 2)
    set(threads 1)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout} PROCESSORS ${cores}
    COST ${timeout} ENVIRONMENT "${environment};OMP_NUM_THREADS=${threads};${ARGN}")
endfunction()

# Program <kind>_<name> from tests/<kind>/test_<name>.c.
function(tame_test_program kind name)
  set(target ${kind}_${name})
  add_executable(${target} "${PROJECT_SOURCE_DIR}/tests/${kind}/test_${name}.c" ${support_sources})
  tame_flags(${target})
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/${kind}")
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
  target_include_directories(${target} SYSTEM PRIVATE ${RANDOM123_INCLUDE_DIR})
  target_link_libraries(${target} PRIVATE tame HDF5::HDF5 OpenMP::OpenMP_C tame::cmocka m)
endfunction()

function(tame_unit_test name)
  tame_test_program(unit ${name})
  add_test(NAME unit.${name} COMMAND ${TAME_TEST_LAUNCHER} $<TARGET_FILE:unit_${name}>)
  tame_test_properties(unit.${name} unit "${PROJECT_SOURCE_DIR}/tests/unit/test_${name}.c" 1 1)
endfunction()

function(tame_mpi_test name) # tame_mpi_test(network 1 2 4): on one, few and too many ranks
  tame_test_program(mpi ${name})
  foreach(ranks IN LISTS ARGN)
    add_test(NAME mpi.${name}.${ranks}
      COMMAND ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} ${ranks} ${MPIEXEC_PREFLAGS}
              ${TAME_TEST_LAUNCHER} $<TARGET_FILE:mpi_${name}> ${MPIEXEC_POSTFLAGS})
    tame_test_properties(mpi.${name}.${ranks} mpi
      "${PROJECT_SOURCE_DIR}/tests/mpi/test_${name}.c" ${ranks} ${ranks})
  endforeach()
endfunction()

# A script in an empty folder of its own; it must run: there is no exit code for "skipped".
function(tame_system_test name)
  set(script "${PROJECT_SOURCE_DIR}/tests/system/${name}.sh")
  set(folder "${PROJECT_BINARY_DIR}/tests/system/${name}")
  add_test(NAME system.${name} COMMAND sh -c
    "rm -rf \"$1\" && mkdir -p \"$1\" && cd \"$1\" && exec bash \"$2\"" sh "${folder}" "${script}")
  tame_test_properties(system.${name} system "${script}" 1 1
    "TAME=$<TARGET_FILE:tame_cli>" "TAME_SOURCE=${PROJECT_SOURCE_DIR}"
    "TAME_BUILD=${PROJECT_BINARY_DIR}" "PYTHON=${TAME_PYTHON}" "TAME_PYTHON=${TAME_PYTHON}"
    "MPIEXEC=${MPIEXEC_EXECUTABLE}" "CC=${CMAKE_C_COMPILER}")
  tame_test_says("${script}" ranks "" ranks)
  if(ranks)
    set_tests_properties(system.${name} PROPERTIES RESOURCE_LOCK ranks)
  endif()
endfunction()

file(GLOB tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/unit/test_*.c")
foreach(test IN LISTS tests)
  string(REGEX REPLACE "^.*/test_(.*)\\.c$" "\\1" name "${test}")
  tame_unit_test(${name})
endforeach()

file(GLOB tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/mpi/test_*.c")
foreach(test IN LISTS tests)
  string(REGEX REPLACE "^.*/test_(.*)\\.c$" "\\1" name "${test}")
  tame_test_says("${test}" ranks "1;2;3" ranks)
  tame_mpi_test(${name} ${ranks})
endforeach()

file(GLOB tests CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/system/*.sh")
if(tests AND NOT TAME_PYTHON)
  message(FATAL_ERROR "The tests need a Python that has h5py, matplotlib and numpy, on Debian and "
    "Ubuntu python3-h5py and python3-matplotlib: scripts/setup installs them; -DTAME_PYTHON=PATH "
    "names one that is elsewhere")
endif()
foreach(test IN LISTS tests)
  get_filename_component(name "${test}" NAME_WE)
  if(NOT name MATCHES "^_") # a file of functions for the others
    tame_system_test(${name})
  endif()
endforeach()

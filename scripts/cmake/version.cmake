# Writes OUTPUT, the header with version and commit, and touches it only when it changes; so only the
# file that includes it is compiled again. The commit is "unknown" outside a git checkout.
set(commit "unknown")
find_program(GIT git)
if(GIT AND EXISTS "${SOURCE_DIR}/.git")
  set(ENV{GIT_OPTIONAL_LOCKS} 0)
  # The checkout may belong to somebody else, as in a container.
  execute_process(
    COMMAND "${GIT}" -c "safe.directory=*" describe --always --exclude=* --abbrev=12 --dirty
    WORKING_DIRECTORY "${SOURCE_DIR}" OUTPUT_VARIABLE found RESULT_VARIABLE failed
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed AND found)
    set(commit "${found}")
  endif()
endif()
set(text "/* Written by the build. */\n#define TAME_VERSION \"${VERSION}\"\n")
string(APPEND text "#define TAME_COMMIT \"${commit}\"\n")
set(old "")
if(EXISTS "${OUTPUT}")
  file(READ "${OUTPUT}" old)
endif()
if(NOT old STREQUAL text)
  file(WRITE "${OUTPUT}" "${text}")
endif()

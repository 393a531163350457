/* tame plot: hands over to the Python program that draws. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH = 4096 };

/* plot.py: beside the sources this was built from, or where it was installed. */
static bool find_script(char *path)
{
  static const char *const places[] = {"../scripts/plot.py", "../../scripts/plot.py",
                                       TAME_DATADIR_RELATIVE "/plot.py"};
  char here[PATH - 64];
  const char *given = getenv("TAME_PLOT");
  if (given) {
    snprintf(path, PATH, "%s", given);
    return access(path, R_OK) == 0;
  }
  const ssize_t length = readlink("/proc/self/exe", here, sizeof here - 1);
  if (length < 0) return false;
  here[length] = '\0';
  char *slash = strrchr(here, '/');
  if (slash) *slash = '\0';
  for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
    snprintf(path, PATH, "%s/%s", here, places[k]);
    if (access(path, R_OK) == 0) return true;
  }
  return false;
}

/* Can this interpreter draw? For help it need not. */
static bool can_draw(const char *python, bool help)
{
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    execlp(python, python, "-c", help ? "" : "import h5py, matplotlib", (char *)NULL);
    _exit(127);
  }
  int how = 1;
  return child > 0 && waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

static const char *find_python(bool help)
{
  static const char *const names[] = {"python3", "/usr/bin/python3", "/usr/local/bin/python3"};
  const char *given = getenv("TAME_PYTHON");
  if (given) return can_draw(given, help) ? given : NULL;
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (can_draw(names[k], help)) return names[k];
  return NULL;
}

int tame_command_plot(int argc, char **argv)
{
  char script[PATH];
  if (!find_script(script)) {
    fprintf(stderr, "tame: cannot find plot.py; name it in the environment variable TAME_PLOT\n");
    return TAME_ERR_INPUT;
  }
  bool help = false;
  for (int k = 1; k < argc; k++)
    help = help || strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-h") == 0;
  const char *python = find_python(help);
  if (!python) {
    fprintf(stderr, "tame: no Python with h5py and matplotlib found; install python3-h5py and "
                    "python3-matplotlib, or name an interpreter in TAME_PYTHON\n");
    return TAME_ERR_INPUT;
  }
  char **words = calloc((size_t)argc + 2, sizeof *words);
  if (!words) return TAME_ERR_NOMEM;
  words[0] = strdup(python);
  words[1] = script;
  for (int k = 1; k < argc; k++) words[k + 1] = argv[k];
  if (words[0]) execvp(python, words);
  fprintf(stderr, "tame: cannot start %s: %s\n", python, strerror(errno));
  free(words[0]);
  free(words);
  return TAME_ERR_INPUT;
}

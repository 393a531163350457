/* Where this process stands: cores, nodes, memory; see tame/parallel.h. */
#include "tame/parallel.h"

#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* How many ranks of this node, itself included, share a core with this one. */
static int sharers(MPI_Comm node, const cpu_set_t *mine, cpu_set_t *together)
{
  int size, count = 0;
  MPI_Comm_size(node, &size);
  CPU_ZERO(together);
  for (int k = 0; k < size; k++) {
    cpu_set_t other = *mine, both;
    MPI_Bcast(&other, (int)sizeof other, MPI_BYTE, k, node);
    CPU_AND(&both, &other, mine);
    count += CPU_COUNT(&both) > 0;
    CPU_OR(together, together, &other);
  }
  return count > 0 ? count : 1;
}

void tame_layout_find(MPI_Comm comm, tame_layout *layout)
{
  MPI_Comm node;
  int node_rank;
  *layout = (tame_layout){0};
  MPI_Comm_size(comm, &layout->ranks);
  MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  MPI_Comm_size(node, &layout->ranks_on_node);
  MPI_Comm_rank(node, &node_rank);
  layout->nodes = node_rank == 0;
  MPI_Allreduce(MPI_IN_PLACE, &layout->nodes, 1, MPI_INT, MPI_SUM, comm);

  cpu_set_t mine, together;
  CPU_ZERO(&mine);
  if (sched_getaffinity(0, sizeof mine, &mine) != 0) CPU_SET(0, &mine);
  const int sharing = sharers(node, &mine, &together);
  layout->cores = CPU_COUNT(&mine);
  layout->cores_on_node = CPU_COUNT(&together);
  if (!getenv("OMP_NUM_THREADS"))
    omp_set_num_threads(layout->cores > sharing ? layout->cores / sharing : 1);
  layout->threads = omp_get_max_threads();

  int threads_on_node = layout->threads;
  MPI_Allreduce(MPI_IN_PLACE, &threads_on_node, 1, MPI_INT, MPI_SUM, node);
  int over = threads_on_node > layout->cores_on_node;
  MPI_Allreduce(MPI_IN_PLACE, &over, 1, MPI_INT, MPI_MAX, comm);
  layout->oversubscribed = over != 0;
  MPI_Comm_free(&node);
}

int tame_threads_for(double cycles)
{
  const char *given = getenv("TAME_THREAD_GRAIN");
  const double grain = given ? strtod(given, NULL) : 10000,
               worth = cycles / (grain > 1 ? grain : 1);
  const int most = omp_get_max_threads();
  return worth < 1 ? 1 : worth < most ? (int)worth : most;
}

/* First whole number after `key` in a file, times scale; -1 if there is none. */
static int64_t number_in(const char *path, const char *key, int64_t scale)
{
  FILE *file = fopen(path, "r");
  char line[512];
  int64_t found = -1;
  while (file && found < 0 && fgets(line, sizeof line, file)) {
    char *end;
    if (strncmp(line, key, strlen(key)) != 0) continue;
    const long long value = strtoll(line + strlen(key), &end, 10);
    if (end != line + strlen(key)) found = value * scale;
  }
  if (file) fclose(file);
  return found;
}

static int64_t smaller(int64_t a, int64_t b)
{
  return b < 0 || a < b ? a : b;
}

/* What the control group of this process (version 2, or the memory one of version 1) and those above
 * it still allow; -1: no limit. */
static int64_t group_available(void)
{
  char line[512], path[1024], *group = NULL;
  const char *root = "/sys/fs/cgroup", *most_file = "memory.max", *used_file = "memory.current";
  FILE *file = fopen("/proc/self/cgroup", "r");
  while (file && !group && fgets(line, sizeof line, file)) {
    char *const first = strstr(line, ":memory:");
    if (strncmp(line, "0::/", 4) == 0 && line[4] != '\n') group = line + 3;
    if (!first) continue;
    group = first + strlen(":memory:");
    root = "/sys/fs/cgroup/memory";
    most_file = "memory.limit_in_bytes";
    used_file = "memory.usage_in_bytes";
  }
  if (file) fclose(file);
  if (!group) return -1;
  group[strcspn(group, "\n")] = '\0';
  int64_t least = -1;
  for (;;) { /* from the group itself up to the root */
    snprintf(path, sizeof path, "%s%s/%s", root, group, most_file);
    const int64_t most = number_in(path, "", 1);
    snprintf(path, sizeof path, "%s%s/%s", root, group, used_file);
    const int64_t used = number_in(path, "", 1);
    if (most >= 0 && used >= 0) least = least < 0 ? most - used : smaller(least, most - used);
    char *slash = strrchr(group, '/');
    if (!slash) break;
    *slash = '\0';
  }
  return least;
}

int64_t tame_memory_available(int ranks_on_node)
{
  int64_t available = number_in("/proc/meminfo", "MemAvailable:", 1024);
  if (available < 0) available = INT64_MAX;
  const int64_t group = group_available();
  if (group >= 0) available = smaller(available, group);
  available /= ranks_on_node;
  struct rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    const int64_t pages = number_in("/proc/self/statm", "", 1);
    const int64_t used = pages < 0 ? 0 : pages * sysconf(_SC_PAGESIZE);
    const int64_t left = (int64_t)limit.rlim_cur - used;
    available = smaller(available, left > 0 ? left : 0);
  }
  return available;
}

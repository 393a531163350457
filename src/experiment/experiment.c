/* An experiment from YAML; see tame/experiment.h. The tables below are what the YAML accepts. */
#include "tame/experiment.h"

#include "base/memory.h"
#include "experiment/inside.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables --------------------------------------------------------------------------------- */

static const char *const weight_names[] = {"recurrent", "readout", NULL};
static const char *const keep_names[] = {"none", "final", "both", NULL};
static const char *const feedback_names[] = {"readout", "target", "none", NULL};
static const char *const kept_names[] = {"rates", "currents", NULL};

#define PHASE(member) .offset = offsetof(tame_phase, member)
#define PHASE_NAME                                                                                 \
  {                                                                                                \
    .name = "name", .kind = TAME_STRING, PHASE(name), .doc = "of the phase, in the results"        \
  }
#define PHASE_TASKS                                                                                \
  {                                                                                                \
    .name = "tasks", .kind = TAME_STRINGS, PHASE(tasks), .fallback = "",                           \
    .doc = "which, in the tasks' order within each trial; default: all"                            \
  }
#define PHASE_TRIALS                                                                               \
  {                                                                                                \
    .name = "trials", .kind = TAME_INT, PHASE(trials), .fallback = "1", .min = 1, .max = 1e6,      \
    .doc = "how many, of each task"                                                                \
  }
#define PHASE_NOISE(standard)                                                                      \
  {                                                                                                \
    .name = "noise", .kind = TAME_BOOL, PHASE(noise), .fallback = standard, .doc = "network.noise" \
  }

#define PHASE_STATE                                                                                \
  {                                                                                                \
    .name = "continue", .kind = TAME_BOOL, PHASE(go_on), .fallback = "off",                        \
    .doc = "from the state at the end of the last trial, not a new x(0)"                           \
  }
#define PHASE_FEEDBACK                                                                             \
  {                                                                                                \
    .name = "feedback", .kind = TAME_CHOICE, PHASE(feedback), .fallback = "readout",               \
    .choices = feedback_names,                                                                     \
    .doc = "what W_fb feeds back; target: that of the task (teacher forcing)"                      \
  }
#define PHASE_TEACHER                                                                              \
  {                                                                                                \
    .name = "teacher_ms", .kind = TAME_REAL, PHASE(teacher_ms), .fallback = "0", .max = 1e12,      \
    .doc = "until then the target is fed back, the readout from then on"                           \
  }
#define PHASE_WINDOW(what)                                                                         \
  {                                                                                                \
    .name = "window_ms", .kind = TAME_REALS, PHASE(window_ms), .fallback = "", .max = 1e12,        \
    .doc = "[start, end) of " what "; default: each task's window"                                 \
  }
static const tame_field record_fields[] = {
    PHASE_NAME,
    PHASE_TASKS,
    PHASE_NOISE("off"),
    PHASE_STATE,
    PHASE_FEEDBACK,
    PHASE_TEACHER,
    {"keep", TAME_CHOICE, PHASE(keep), .fallback = "rates", .choices = kept_names,
     .doc = "for training: r, or the currents h = W r + W_in u + W_fb y + noise"},
    {0}};
static const tame_field test_fields[] = {PHASE_NAME,        PHASE_TASKS, PHASE_TRIALS,
                                         PHASE_NOISE("on"), PHASE_STATE, PHASE_FEEDBACK,
                                         PHASE_TEACHER,     {0}};
static const tame_field train_fields[] = {
    PHASE_NAME,
    PHASE_TASKS,
    PHASE_TRIALS,
    PHASE_NOISE("on"),
    PHASE_STATE,
    PHASE_FEEDBACK,
    PHASE_TEACHER,
    {"weights", TAME_CHOICE, PHASE(weights), .choices = weight_names, .doc = "which weights learn"},
    {"learner", TAME_VARIANT, PHASE(learner), .fallback = "rls", .table = &tame_learners,
     .doc = "by which rule; it starts afresh in each phase"},
    {"target", TAME_STRING, PHASE(target), .fallback = "",
     .doc = "for recurrent weights: the record phase whose rates or currents are the target"},
    {"every", TAME_INT, PHASE(every), .fallback = "1", .min = 1, .max = 1e9,
     .doc = "steps between updates: those t with t mod every = 0"},
    PHASE_WINDOW("learning"),
    {0}};
static const tame_field analyse_fields[] = {
    PHASE_NAME,
    PHASE_TASKS,
    PHASE_TRIALS,
    PHASE_NOISE("off"),
    PHASE_STATE,
    PHASE_FEEDBACK,
    PHASE_TEACHER,
    PHASE_WINDOW("what is analysed"),
    {"by", TAME_VARIANTS, PHASE(by), .table = &tame_analyses, .doc = "which analyses, each once"},
    {0}};

#define ROW(id, row_kind, row_name, row_doc, row_fields)                                           \
  static const tame_phase_row id = {                                                               \
      .head = {.name = row_name, .doc = row_doc, .params = {sizeof(tame_phase), row_fields}},      \
      .kind = row_kind}
ROW(row_record, TAME_PHASE_RECORD, "record", "one trial of each task, whose rates may be a target",
    record_fields);
ROW(row_test, TAME_PHASE_TEST, "test", "trials without learning", test_fields);
ROW(row_perturb, TAME_PHASE_PERTURB, "perturb", "tests, with each task's perturbation added",
    test_fields);
ROW(row_train, TAME_PHASE_TRAIN, "train", "trials in which weights learn", train_fields);
ROW(row_analyse, TAME_PHASE_ANALYSE, "analyse",
    "trials without learning, whose dynamics is analysed", analyse_fields);

static const tame_row *const phase_rows[] = {&row_record.head, &row_test.head,    &row_perturb.head,
                                             &row_train.head,  &row_analyse.head, NULL};
const tame_table tame_phases = {"phases", phase_rows};

#define EVERY                                                                                      \
  {                                                                                                \
    .name = "every", .kind = TAME_INT, .offset = offsetof(tame_recording, every), .fallback = "1", \
    .max = 1e9, .doc = "steps between samples; 0: record none"                                     \
  }
#define RECORDED_PHASES                                                                            \
  {                                                                                                \
    .name = "phases", .kind = TAME_STRINGS, .offset = offsetof(tame_recording, phases),            \
    .fallback = "", .doc = "which; default: all but training and analyses"                         \
  }

static const tame_field rates_fields[] = {
    {"neurons", TAME_STRINGS, .offset = offsetof(tame_recording, neurons), .fallback = "",
     .doc = "`all`, `none`, or ids and ranges, [0-99, 250]; default: the first 100"},
    EVERY,
    RECORDED_PHASES,
    {0}};
static const tame_field states_fields[] = {
    {"variables", TAME_STRINGS, .offset = offsetof(tame_recording, variables), .fallback = "",
     .doc = "which of the cell's, as `tame list` names them; default: none"},
    {"neurons", TAME_STRINGS, .offset = offsetof(tame_recording, neurons), .fallback = "",
     .doc = "`all`, `none`, or ids and ranges, [0-99, 250]; default: the first 100"},
    {"every", TAME_INT, .offset = offsetof(tame_recording, every), .fallback = "1", .min = 1,
     .max = 1e9, .doc = "steps between samples"},
    RECORDED_PHASES,
    {0}};
static const tame_field readout_fields[] = {EVERY, RECORDED_PHASES, {0}};
static const tame_schema rates_schema = {sizeof(tame_recording), rates_fields};
static const tame_schema states_schema = {sizeof(tame_recording), states_fields};
static const tame_schema readout_schema = {sizeof(tame_recording), readout_fields};

#define OUTPUT(member) .offset = offsetof(tame_output, member)
static const tame_field output_fields[] = {
    {"rates", TAME_GROUP, OUTPUT(rates), .group = &rates_schema, .doc = "trajectories of neurons"},
    {"states", TAME_GROUP, OUTPUT(states), .group = &states_schema,
     .doc = "trajectories of neurons' variables"},
    {"readout", TAME_GROUP, OUTPUT(readout), .group = &readout_schema,
     .doc = "trajectories of readouts"},
    {"weights", TAME_CHOICE, OUTPUT(weights), .fallback = "final", .choices = keep_names,
     .doc = "before and after training"},
    {"initial_state", TAME_BOOL, OUTPUT(initial_state), .fallback = "off",
     .doc = "x(0), or each variable, of all neurons in every trial"},
    {0}};
static const tame_schema output_schema = {sizeof(tame_output), output_fields};

#define EXPERIMENT(member) .offset = offsetof(tame_experiment, member)
static const tame_field experiment_fields[] = {
    {"name", TAME_STRING, EXPERIMENT(name), .fallback = "experiment", .doc = "of the experiment"},
    {"network", TAME_GROUP, EXPERIMENT(network), .group = &tame_network_schema,
     .doc = "what is trained"},
    {"tasks", TAME_LIST, EXPERIMENT(tasks), .group = &tame_task_schema,
     .doc = "what it is trained to do"},
    {"phases", TAME_VARIANTS, EXPERIMENT(phases), .table = &tame_phases,
     .doc = "what happens, in this order"},
    {"output", TAME_GROUP, EXPERIMENT(output), .group = &output_schema, .doc = "what is kept"},
    {"sweep", TAME_GROUP, EXPERIMENT(sweep), .group = &tame_sweep_schema,
     .doc = "many networks, which differ in some keys"},
    {0}};

const tame_schema tame_experiment_schema = {sizeof(tame_experiment), experiment_fields};

/* ---- loading -------------------------------------------------------------------------------- */

static tame_status read_file(const char *path, char **text)
{
  FILE *file = fopen(path, "rb");
  if (!file) return tame_fail(TAME_ERR_INPUT, "cannot read '%s': %s", path, strerror(errno));
  tame_status status = TAME_OK;
  size_t used = 0, room = 1 << 14, got = 0;
  *text = tame_untouched((int64_t)room, 1, "the experiment file");
  while (*text && (got = fread(*text + used, 1, room - used - 1, file)) > 0) {
    used += got;
    if (used < room - 1) continue;
    char *more = realloc(*text, room *= 2);
    if (!more) break;
    *text = more;
  }
  if (!*text || got > 0) status = tame_fail(TAME_ERR_NOMEM, "no memory for '%s'", path);
  else if (ferror(file))
    status = tame_fail(TAME_ERR_INPUT, "cannot read '%s': %s", path, strerror(errno));
  else if (memchr(*text, '\0', used))
    status = tame_fail(TAME_ERR_INPUT, "'%s' is neither YAML nor a results file", path);
  else (*text)[used] = '\0';
  fclose(file);
  return status;
}

/* Text of an experiment, and whether it came from a results file, on rank 0. */
static tame_status read_experiment(const char *path, char **text, bool *archived)
{
  char head[8] = {0};
  FILE *file = fopen(path, "rb");
  *archived = file && fread(head, 1, sizeof head, file) == sizeof head &&
              memcmp(head, "\211HDF\r\n\032\n", sizeof head) == 0;
  if (file) fclose(file);
  return *archived ? tame_results_text(path, "/", "experiment", text) : read_file(path, text);
}

tame_status tame_share_text(MPI_Comm comm, char **text, bool *archived)
{
  int rank;
  MPI_Comm_rank(comm, &rank);
  int64_t about[2] = {rank == 0 ? (int64_t)strlen(*text) + 1 : 0, *archived};
  MPI_Bcast(about, 2, MPI_INT64_T, 0, comm);
  *archived = about[1] != 0;
  tame_status status = TAME_OK;
  if (about[0] > INT_MAX)
    status = tame_fail(TAME_ERR_INPUT, "an experiment file of %lld bytes", (long long)about[0]);
  if (status == TAME_OK && rank > 0) {
    *text = tame_untouched(about[0], 1, "the experiment file");
    if (!*text) status = TAME_ERR_NOMEM;
  }
  status = tame_agree(comm, status);
  if (status == TAME_OK) MPI_Bcast(*text, (int)about[0], MPI_CHAR, 0, comm);
  return status;
}

static char *copy(const char *text)
{
  char *twin = text ? tame_zeroed((int64_t)strlen(text) + 1, 1, "an experiment") : NULL;
  if (twin) strcpy(twin, text);
  return twin;
}

static tame_status copy_source(tame_source *to, const tame_source *from)
{
  *to = (tame_source){.network = from->network, .own = from->own, .cells = from->cells};
  to->name = copy(from->name);
  to->text = copy(from->text);
  to->folder = copy(from->folder);
  to->archive = copy(from->archive);
  to->sets = tame_zeroed(from->n_sets, sizeof *to->sets, "overrides");
  if (!to->name || !to->text || !to->folder || (from->archive && !to->archive) || !to->sets)
    return TAME_ERR_NOMEM;
  for (int k = 0; k < from->n_sets; k++) {
    to->sets[to->n_sets] = copy(from->sets[k]);
    if (!to->sets[to->n_sets++]) return TAME_ERR_NOMEM;
  }
  return TAME_OK;
}

static void release_source(tame_source *source)
{
  for (int k = 0; k < source->n_sets; k++) free(source->sets[k]);
  free(source->sets);
  free(source->name);
  free(source->text);
  free(source->folder);
  free(source->archive);
}

/* The file of published values, from itself or from results that hold it. Rank 0. */
static tame_status read_reference(const tame_experiment *e, char **text)
{
  char path[4096], why[4096];
  const char *name = e->sweep.reference;
  if (e->source.archive) return tame_results_text(e->source.archive, "sweep", "reference", text);
  snprintf(path, sizeof path, "%s%s%s", *name == '/' ? "" : e->source.folder,
           *name == '/' ? "" : "/", name);
  if (read_file(path, text) == TAME_OK) return TAME_OK;
  snprintf(why, sizeof why, "%s", tame_message());
  return tame_yaml_fail_at(e->marks, "sweep.reference", "%s", why);
}

static tame_status load_reference(tame_experiment *e, MPI_Comm comm)
{
  int rank;
  bool nothing = false;
  if (!e->sweep.reference) return TAME_OK;
  MPI_Comm_rank(comm, &rank);
  const tame_status status = tame_agree(comm,
                                        rank == 0 ? read_reference(e, &e->reference) : TAME_OK);
  return status == TAME_OK ? tame_share_text(comm, &e->reference, &nothing) : status;
}

/* What is to run; the words of one kind are unknown to the other. */
static tame_status kind_of(const tame_source *source, const tame_experiment_kind **kind)
{
  static const char *const keys[] = {"network", "model", "data"};
  const char *const *sets = (const char *const *)source->sets;
  bool has[3] = {false};
  tame_status status = TAME_OK;
  for (int k = 0; k < 3 && status == TAME_OK; k++)
    status = tame_yaml_has(source->text, sets, source->n_sets, keys[k], &has[k]);
  if (status == TAME_OK && has[0] && has[1])
    status = tame_fail(TAME_ERR_INPUT, "%s: found both `network` and `model`, want one of them",
                       source->name);
  *kind = has[1] || (has[2] && !has[0]) ? &tame_kind_model : &tame_kind_network;
  return status;
}

tame_status tame_experiment_read(tame_experiment **out, const tame_source *source)
{
  tame_experiment *e = *out = tame_zeroed(1, sizeof *e, "an experiment");
  if (!e) return TAME_ERR_NOMEM;
  const char *const *sets = (const char *const *)source->sets;
  const tame_experiment_kind *kind;
  tame_status status = kind_of(source, &kind);
  if (status != TAME_OK) return status;
  status = tame_yaml_load(kind->schema, e, source->name, source->text, sets, source->n_sets,
                          &e->marks);
  if (status != TAME_OK) return status;
  e->kind = kind;
  status = copy_source(&e->source, source);
  return status == TAME_OK ? tame_sweep_expand(e) : status;
}

tame_status tame_experiment_build(tame_experiment **out, MPI_Comm comm, const tame_source *source)
{
  tame_experiment *e;
  tame_status status = tame_agree(comm, tame_experiment_read(&e, source));
  if (status == TAME_OK) { /* as it was given: the check fills in what follows from the rest */
    e->text = tame_yaml_dump(e->kind->schema, e);
    e->results = tame_zeroed((int64_t)strlen(e->name) + 4, 1, "a file name");
    if (e->results) sprintf(e->results, "%s.h5", e->name);
    status = tame_agree(comm, e->text && e->results ? TAME_OK : TAME_ERR_NOMEM);
  }
  if (status == TAME_OK) status = e->kind->check(e, comm);
  if (status == TAME_OK) status = load_reference(e, comm);
  if (status != TAME_OK) tame_experiment_free(&e);
  *out = e;
  return status;
}

/* Did the sweep of a results file change tasks? Rank 0. */
static bool swept_tasks(const char *path)
{
  char *keys = NULL;
  const bool swept = tame_results_text(path, "sweep", "keys", &keys) == TAME_OK && keys &&
                     (strncmp(keys, "tasks", 5) == 0 || strstr(keys, ",tasks"));
  free(keys);
  return swept;
}

/* A results file holds copies of the arrays that its tasks read from files, by their places in its own
 * text, and by the networks of its own sweep: what an override changes would get the wrong ones. */
static tame_status check_overrides(const char *path, const char *const *sets, int n_sets)
{
  for (int k = 0; k < n_sets; k++) {
    const bool tasks = strncmp(sets[k], "tasks", 5) == 0;
    if (tasks || (strncmp(sets[k], "sweep", 5) == 0 && swept_tasks(path)))
      return tame_fail(
          TAME_ERR_INPUT,
          "--set %s: %s cannot be overridden in a results file%s; take its text, `tame "
          "info --yaml FILE`, and change that",
          sets[k], tasks ? "tasks" : "the sweep", tasks ? "" : " whose tasks it sweeps");
  }
  return TAME_OK;
}

/* Where paths start: beside the file, or for results where they did. Collective. */
static tame_status find_folder(MPI_Comm comm, const char *path, bool archived, char *folder,
                               size_t size)
{
  int rank;
  char *before = NULL;
  MPI_Comm_rank(comm, &rank);
  snprintf(folder, size, "%s", path);
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder] = '\0';
  else snprintf(folder, size, ".");
  if (!archived) return TAME_OK;
  if (rank == 0 && tame_results_text(path, "/", "folder", &before) != TAME_OK) before = copy("");
  tame_status status = tame_agree(comm, rank > 0 || before ? TAME_OK : TAME_ERR_NOMEM);
  if (status == TAME_OK) status = tame_share_text(comm, &before, &archived);
  if (status == TAME_OK && *before) snprintf(folder, size, "%s", before);
  free(before);
  return status;
}

tame_status tame_experiment_load(tame_experiment **out, MPI_Comm comm, const char *path,
                                 const char *const *sets, int n_sets)
{
  int rank;
  char *text = NULL, folder[4096];
  bool archived = false;
  *out = NULL;
  MPI_Comm_rank(comm, &rank);
  tame_status status = rank == 0 ? read_experiment(path, &text, &archived) : TAME_OK;
  status = tame_agree(comm, status);
  if (status == TAME_OK) status = tame_share_text(comm, &text, &archived);
  if (status == TAME_OK) {
    if (archived && rank == 0) status = check_overrides(path, sets, n_sets);
    status = tame_agree(comm, status);
    if (status == TAME_OK) status = find_folder(comm, path, archived, folder, sizeof folder);
    status = tame_agree(comm, status);
    const tame_source source = {.name = (char *)path,
                                .text = text,
                                .folder = folder,
                                .archive = archived ? (char *)path : NULL,
                                .sets = (char **)sets,
                                .n_sets = n_sets};
    if (status == TAME_OK) status = tame_experiment_build(out, comm, &source);
  }
  free(text);
  return status;
}

tame_status tame_experiment_parse(tame_experiment **out, MPI_Comm comm, const char *text)
{
  char name[] = "experiment", folder[] = ".";
  const tame_source source = {.name = name, .text = (char *)text, .folder = folder};
  return tame_experiment_build(out, comm, &source);
}

void tame_experiment_free(tame_experiment **experiment)
{
  tame_experiment *e = *experiment;
  if (!e) return;
  if (e->kind) e->kind->release(e);
  free(e->text);
  free(e->results);
  free(e->reference);
  tame_sweep_free(&e->plan);
  release_source(&e->source);
  tame_yaml_free(&e->marks);
  if (e->kind) tame_schema_release(e->kind->schema, e); /* and all else becomes 0 */
  free(e);
  *experiment = NULL;
}

const char *tame_experiment_text(const tame_experiment *e)
{
  return e->text;
}

const char *tame_experiment_name(const tame_experiment *e)
{
  return e->name;
}

const char *tame_experiment_output(const tame_experiment *e)
{
  return e->results;
}

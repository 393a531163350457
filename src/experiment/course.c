/* The course of a network's run, whatever runs: checkpoints, requests to stop, what the results say of it; see
 * inside.h. */
#include "base/memory.h"
#include "experiment/inside.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void tame_course_note(const tame_course *c, const char *format, ...)
{
  char line[1024];
  const tame_run_options *o = c->member->options;
  if (c->rank > 0 || !o->note) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  o->note(line, o->context);
}

static uint64_t experiment_checksum(const tame_experiment *e)
{
  return tame_checksum(0, TAME_TYPE_U8, e->text, 0, (int64_t)strlen(e->text));
}

tame_status tame_course_open(tame_course *c, const tame_member *m, const tame_course_kind *kind,
                             void *run)
{
  const double at = MPI_Wtime();
  *c = (tame_course){.member = m,
                     .kind = kind,
                     .run = run,
                     .interval = 1,
                     .began = at,
                     .asked_at = at,
                     .saved_at = at,
                     .last_loss = NAN};
  MPI_Comm_rank(m->comm, &c->rank);
  return tame_checkpoint_open(&c->checkpoint, m->comm, m->folder, m->network,
                              experiment_checksum(m->e), m->fresh);
}

void tame_course_close(tame_course *c)
{
  tame_checkpoint_close(&c->checkpoint);
}

/* ---- what the results say of it ---------------------------------------------------------------- */

static void put_progress(tame_course *c, double share)
{
  const tame_member *m = c->member;
  const int64_t start[TAME_AXES] = {m->row}, one[TAME_AXES] = {1};
  if (c->rank > 0) return;
  c->noted = MPI_Wtime();
  (void)tame_results_write(m->results, "run/progress", TAME_TYPE_F64, start, one, &share);
  (void)tame_results_write(m->results, "run/loss", TAME_TYPE_F64, start, one, &c->last_loss);
}

void tame_course_progress(tame_course *c)
{
  if (c->rank == 0 && MPI_Wtime() - c->noted >= 1) put_progress(c, c->kind->share(c->run));
}

/* Seconds, checkpoints and their cost, which add up over the sessions of a run. Rank 0. */
static void put_cost(const tame_course *c)
{
  const tame_member *m = c->member;
  const int64_t start[TAME_AXES] = {m->row}, one[TAME_AXES] = {1};
  const tame_checkpoint_cost cost = c->checkpoint ? tame_checkpoint_cost_of(c->checkpoint)
                                                  : (tame_checkpoint_cost){0};
  const double sums[] = {MPI_Wtime() - c->began, (double)cost.count, cost.seconds,
                         cost.bytes / 1e6};
  static const char *const paths[] = {"run/wall_s", "run/checkpoints", "run/checkpoint_s",
                                      "run/checkpoint_mb"};
  int ranks;
  MPI_Comm_size(m->comm, &ranks);
  const double facts[] = {(double)ranks, (double)m->layout.threads, c->last_loss,
                          c->kind->share(c->run)};
  static const char *const fact_paths[] = {"run/ranks", "run/threads", "run/loss", "run/progress"};
  for (int k = 0; k < 4; k++) {
    double before = 0;
    (void)tame_results_read(m->results, paths[k], start, one, &before);
    const double sum = sums[k] + (isfinite(before) ? before : 0);
    (void)tame_results_write(m->results, paths[k], TAME_TYPE_F64, start, one, &sum);
  }
  for (int k = 0; k < 4; k++)
    (void)tame_results_write(m->results, fact_paths[k], TAME_TYPE_F64, start, one, &facts[k]);
}

tame_status tame_member_put_text(tame_results *results, const char *path, int64_t row,
                                 const char *text)
{
  const int64_t width = tame_results_width(results, path), length = (int64_t)strlen(text);
  char *fixed = tame_zeroed(width, 1, "a text");
  if (!fixed) return TAME_ERR_NOMEM;
  memcpy(fixed, text, (size_t)(length < width ? length : width));
  const tame_status status = tame_results_write(results, path, TAME_TYPE_TEXT, &row, (int64_t[]){1},
                                                fixed);
  free(fixed);
  return status;
}

void tame_utc(char text[32])
{
  const time_t t = time(NULL);
  struct tm parts;
  gmtime_r(&t, &parts);
  strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* State of a network, on the disk before anything follows. Rank 0. */
static tame_status mark(const tame_course *c, uint8_t state, const char *message)
{
  const tame_member *m = c->member;
  char at[32];
  tame_utc(at);
  const char *when = state == TAME_NETWORK_RUNNING ? "run/started" : "run/finished";
  tame_status status = tame_member_put_text(m->results, when, m->row, at);
  if (status == TAME_OK) status = tame_member_put_text(m->results, "message", m->row, message);
  if (status == TAME_OK) status = tame_results_sync(m->results);
  if (status == TAME_OK)
    status = tame_results_write(m->results, "state", TAME_TYPE_U8, &m->row, (int64_t[]){1}, &state);
  return status == TAME_OK ? tame_results_sync(m->results) : status;
}

/* What becomes of a network that has come to its end; its checkpoints are not needed any more.
 * Collective. */
static tame_status conclude(const tame_course *c, tame_status status)
{
  char why[1024];
  snprintf(why, sizeof why, "%s", status == TAME_OK ? "" : tame_message());
  const uint8_t state = status == TAME_OK ? TAME_NETWORK_DONE : TAME_NETWORK_FAILED;
  const tame_status marked = tame_agree(c->member->comm,
                                        c->rank == 0 ? mark(c, state, why) : TAME_OK);
  if (marked != TAME_OK) return marked;
  if (c->checkpoint) tame_checkpoint_remove(c->checkpoint);
  return status == TAME_OK ? TAME_OK : tame_fail(status, "%s", why);
}

tame_status tame_course_end(tame_course *c, tame_status status, bool prepared)
{
  if (c->rank == 0 && prepared) put_cost(c);
  char why[1024];
  snprintf(why, sizeof why, "%s", tame_message());
  if (status == TAME_ERR_INPUT && !prepared && c->checkpoint &&
      tame_checkpoint_found(c->checkpoint))
    return tame_fail(TAME_ERR_IO, "%s", why); /* it may be mended: what it had come to stays */
  const bool over = status == TAME_OK || status == TAME_ERR_INPUT || status == TAME_ERR_NUMERIC;
  return over ? conclude(c, status) : status;
}

/* ---- checkpoints ------------------------------------------------------------------------------ */

/* Results first, as the checkpoint stands on them: without them nothing more can be kept, and the run must end. A
 * checkpoint that fails is told, and the run goes on: what was saved before is as it was. Collective.
 * TAME_OK; TAME_ERR_IO: results are lost; *kept: whether there is a checkpoint. */
static tame_status save(tame_course *c, bool *kept)
{
  const tame_member *m = c->member;
  tame_state state = {0};
  tame_checkpoint_about about = {.network = m->network,
                                 .experiment = experiment_checksum(m->e),
                                 .share = c->kind->share(c->run),
                                 .loss = c->last_loss};
  c->kind->place(c->run, &about);
  const tame_status status = tame_agree(m->comm, tame_results_sync(m->results));
  if (status != TAME_OK) return status;
  c->kind->gather(c->run, &state);
  *kept = tame_checkpoint_save(c->checkpoint, &state, &about) == TAME_OK;
  tame_state_free(&state);
  c->saved_at = MPI_Wtime();
  if (*kept) put_progress(c, about.share);
  else tame_course_note(c, "warning: no checkpoint: %s", tame_message());
  return TAME_OK;
}

/* Go on from a checkpoint: phases before this one are over. Collective. */
static tame_status restore(tame_course *c, const tame_checkpoint_about *about)
{
  tame_state state = {0};
  c->last_loss = about->loss;
  tame_status status = c->kind->restore(c->run, about);
  if (status == TAME_OK) {
    c->kind->gather(c->run, &state);
    status = tame_checkpoint_load(c->checkpoint, &state);
    tame_state_free(&state);
  }
  if (status == TAME_OK) c->kind->restored(c->run);
  return status;
}

/* What the results say of the network; the same on every rank. Collective. */
static uint8_t state_before(const tame_course *c)
{
  const int64_t start[TAME_AXES] = {c->member->row}, one[TAME_AXES] = {1};
  uint8_t state = TAME_NETWORK_WAITING;
  if (c->rank == 0) (void)tame_results_read(c->member->results, "state", start, one, &state);
  MPI_Bcast(&state, 1, MPI_BYTE, 0, c->member->comm);
  return state;
}

tame_status tame_course_begin(tame_course *c)
{
  const uint8_t before = state_before(c);
  const tame_checkpoint_about *about = before == TAME_NETWORK_RUNNING
                                           ? tame_checkpoint_found(c->checkpoint)
                                           : NULL;
  const int damaged = tame_checkpoint_damaged(c->checkpoint);
  if (damaged)
    tame_course_note(c, "warning: network %lld: %s; it goes on from %s",
                     (long long)c->member->network,
                     damaged == 1 ? "a checkpoint is damaged" : "both checkpoints are damaged",
                     about ? about->where : "the beginning");
  if (about) return restore(c, about);
  if (before == TAME_NETWORK_RUNNING && !damaged)
    tame_course_note(
        c, "warning: network %lld was running, and there is no checkpoint of it: it begins anew",
        (long long)c->member->network);
  tame_status status = c->kind->put(c->run);
  if (c->rank == 0 && status == TAME_OK) status = mark(c, TAME_NETWORK_RUNNING, "");
  return tame_agree(c->member->comm, status);
}

/* ---- what comes between ------------------------------------------------------------------------ */

enum { STOP = 1, SAVE = 2 }; /* what is asked for */

/* What this rank knows of. */
static int asked_here(const tame_course *c, bool between)
{
  const tame_run_options *o = c->member->options;
  const double at = MPI_Wtime();
  int bits = o->stop && *o->stop ? STOP : 0;
  if (c->rank > 0) return bits;
  if (tame_queue_tend(c->member->queue)) bits |= STOP;
  if (at > c->member->stop_at) bits |= STOP;
  if (at - c->saved_at >= o->checkpoint_seconds && (between || o->checkpoint_seconds > 0))
    bits |= SAVE;
  return bits;
}

/* Steps until we ask again, so that a few milliseconds pass: rank 0's view. */
static int64_t next_interval(tame_course *c)
{
  const double at = MPI_Wtime(), each = c->asked > 0 ? (at - c->asked_at) / (double)c->asked : 1;
  c->asked_at = at;
  const double steps = 5e-3 / (each > 1e-7 ? each : 1e-7);
  return steps < 1 ? 1 : (int64_t)steps;
}

/* What is asked for, the same on every rank. Collective. */
static int ask(tame_course *c, bool between)
{
  int64_t all[3] = {0};
  const int mine = asked_here(c, between);
  all[0] = mine & STOP;
  all[1] = mine & SAVE;
  if (c->rank == 0) all[2] = next_interval(c);
  MPI_Allreduce(MPI_IN_PLACE, all, 3, MPI_INT64_T, MPI_MAX, c->member->comm);
  c->interval = all[2];
  c->asked = 0;
  return (int)(all[0] | all[1]);
}

tame_status tame_course_attend(tame_course *c, bool between)
{
  bool kept = false;
  const int asked = ask(c, between);
  if (!asked) return TAME_OK;
  const tame_status status = save(c, &kept);
  if (status != TAME_OK) return status;
  if (!(asked & STOP)) return TAME_OK;
  tame_queue_stop(c->member->queue, TAME_STOPPED);
  return kept ? TAME_STOPPED : TAME_ERR_IO; /* the message is that of the checkpoint */
}

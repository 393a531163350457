/* Data through a trained model; see tame/experiment.h. The model's own words and a test of the data make a new
 * experiment, which is run as any other. */
#include "base/memory.h"
#include "experiment/fit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the model's words ------------------------------------------------------------------------ */

static tame_status refuse_network(const tame_prediction *what, int64_t networks)
{
  if (what->network < 0 && networks > 1)
    return tame_fail(TAME_ERR_INPUT, "'%s' has %lld networks: want --network, from 0 to %lld",
                     what->model, (long long)networks, (long long)networks - 1);
  if (what->network >= networks)
    return tame_fail(TAME_ERR_INPUT, "'%s' has no network %lld, but %lld from 0", what->model,
                     (long long)what->network, (long long)networks);
  return TAME_OK;
}

/* Of one network, as it was run, without what it learned from. *out: to be freed also if it fails. */
static tame_status read_model(tame_experiment **out, const tame_prediction *what)
{
  char *text = NULL;
  tame_experiment *study = NULL;
  *out = NULL;
  tame_status status = tame_results_text(what->model, "/", "experiment", &text);
  const tame_source source = {.name = (char *)what->model, .text = text, .folder = (char *)"."};
  if (status == TAME_OK) status = tame_experiment_read(&study, &source);
  if (status == TAME_OK && study->kind != &tame_kind_model)
    status = tame_fail(TAME_ERR_INPUT,
                       "'%s' is of a network that learns trial by trial, want one with a `model:`",
                       what->model);
  if (status == TAME_OK) status = refuse_network(what, tame_experiment_networks(study));
  if (status == TAME_OK)
    status = tame_experiment_read_member(out, study, what->network < 0 ? 0 : what->network);
  tame_experiment_free(&study);
  free(text);
  return status;
}

/* ---- the new experiment ----------------------------------------------------------------------- */

/* "key: value" of a text; a file by its whole path, so that the results can be repeated from anywhere. */
static void put_text(FILE *out, const char *key, const char *text)
{
  fprintf(out, "%s: ", key);
  tame_yaml_print(out, text);
}

static void put_path(FILE *out, const char *key, const char *path)
{
  char whole[PATH_MAX];
  put_text(out, key, realpath(path, whole) ? whole : path);
}

/* A part of the model's words; false where it has none. */
static bool put_words(FILE *out, const char *key, const tame_experiment *model, const char *path)
{
  const tame_yaml_node *found = tame_yaml_find(model->marks, path);
  char *flow = found ? tame_yaml_flow(found) : NULL;
  if (flow) fprintf(out, "%s: %s", key, flow);
  free(flow);
  return flow != NULL;
}

/* A dataset that is named, or that is there. */
static void put_dataset(FILE *out, const char *file, const char *key, const char *name)
{
  if (!name && tame_hdf5_has(file, key)) name = key;
  if (!name) return;
  fputs(", ", out);
  put_text(out, key, name);
}

/* Whether targets are classes, the loss says; how many, what the model learned from. */
static void put_classes(FILE *out, const char *loss, const tame_experiment *model)
{
  fputs(", ", out);
  if (!strstr(loss, "cross_entropy")) fputs("classes: 0", out);
  else if (!put_words(out, "classes", model, "data[0].from.file.classes"))
    fputs("classes: -1", out);
}

static void put_data(FILE *out, const tame_prediction *what, const char *loss,
                     const tame_experiment *model)
{
  const bool timed = what->time || what->elapsed; /* who names one does not want the other */
  const bool targets = what->y ? *what->y != '\0' : tame_hdf5_has(what->data, "y");
  fputs("data: [{name: data, from: {file: {", out);
  put_path(out, "path", what->data);
  put_dataset(out, what->data, "x", what->x);
  fputs(", ", out);
  put_text(out, "y", what->y ? what->y : "y");
  put_dataset(out, what->data, "elapsed", timed && !what->elapsed ? "" : what->elapsed);
  put_dataset(out, what->data, "time", timed && !what->time ? "" : what->time);
  put_dataset(out, what->data, "mask", !targets && !what->mask ? "" : what->mask);
  put_classes(out, loss, model);
  fputs("}}}]\n", out);
}

/* The loss of the first phase that learns; else that of the first test; else mse. */
static void put_loss(FILE *out, const tame_prediction *what, const tame_experiment *model)
{
  char path[64];
  if (what->loss) {
    fprintf(out, "loss: %s", what->loss);
    return;
  }
  for (int learns = 1; learns >= 0; learns--)
    for (int64_t k = 0; k < model->phases.count; k++) {
      if (tame_fit_learns(model, k) != learns) continue;
      snprintf(path, sizeof path, "phases[%lld].%s", (long long)k,
               learns                         ? "fit.gradient.loss"
               : tame_fit_condenses(model, k) ? "condense.loss"
                                              : "test.loss");
      if (put_words(out, "loss", model, path)) return;
    }
  fputs("loss: mse", out);
}

/* "loss: ..."; NULL without memory. Owned by the caller. */
static char *loss_of(const tame_prediction *what, const tame_experiment *model)
{
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (!out) return NULL;
  put_loss(out, what, model);
  return fclose(out) == 0 ? text : NULL;
}

static tame_status compose(const tame_prediction *what, char **text)
{
  size_t size;
  tame_experiment *model;
  tame_status status = read_model(&model, what);
  char *loss = status == TAME_OK ? loss_of(what, model) : NULL;
  FILE *out = loss ? open_memstream(text, &size) : NULL;
  if (out) {
    put_text(out, "name", model->name);
    fputc('\n', out);
    put_words(out, "model", model, "model");
    fputs("\nweights: {", out);
    put_path(out, "file", what->model);
    fprintf(out, ", network: %lld}\n", (long long)(what->network < 0 ? 0 : what->network));
    put_data(out, what, loss, model);
    fputs("phases: [test: {name: predict, ", out);
    fprintf(out, "%s", loss);
    fprintf(out, ", record: -1, states: %s}]\noutput: {weights: final}\n",
            what->states ? "on" : "off");
  }
  if (status == TAME_OK && (!out || fclose(out) != 0))
    status = tame_fail(TAME_ERR_NOMEM, "no memory for an experiment");
  free(loss);
  tame_experiment_free(&model);
  return status;
}

tame_status tame_experiment_predict(tame_experiment **out, MPI_Comm comm,
                                    const tame_prediction *what)
{
  int rank;
  char *text = NULL, name[] = "predict", folder[] = ".";
  bool archived = false;
  *out = NULL;
  MPI_Comm_rank(comm, &rank);
  tame_status status = tame_agree(comm, rank == 0 ? compose(what, &text) : TAME_OK);
  if (status == TAME_OK) status = tame_share_text(comm, &text, &archived);
  const tame_source source = {.name = name, .text = text, .folder = folder};
  if (status == TAME_OK) status = tame_experiment_build(out, comm, &source);
  free(text);
  return status;
}

/* tame list: the tables that the YAML accepts, and every key with its default. */
#include "cli/cli.h"
#include "tame/tame.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

static const tame_table *const tables[] = {&tame_cells,       &tame_wirings,    &tame_learners,
                                           &tame_signals,     &tame_phases,     &tame_analyses,
                                           &tame_model_cells, &tame_circuits,   &tame_sources,
                                           &tame_losses,      &tame_optimizers, &tame_schedules,
                                           &tame_model_phases};
enum { TABLES = sizeof tables / sizeof *tables };

static void print_value(const tame_field *f)
{
  switch (f->kind) {
    case TAME_CHOICE:
      for (int k = 0; f->choices[k]; k++) printf("%s%s", k ? " | " : "", f->choices[k]);
      break;
    case TAME_INT: printf("whole number"); break;
    case TAME_REAL: printf("number"); break;
    case TAME_BOOL: printf("on | off"); break;
    case TAME_STRING: printf("text"); break;
    case TAME_YAML: printf("any"); break;
    case TAME_REALS: printf("[numbers]"); break;
    case TAME_STRINGS: printf("[words]"); break;
    case TAME_VARIANT: printf("one of the %s", f->table->title); break;
    case TAME_VARIANTS: printf("list of %s", f->table->title); break;
    case TAME_GROUP: printf("keys"); return;
    case TAME_LIST: printf("list of keys"); break;
  }
  if (!f->fallback) printf(", required");
  else if (*f->fallback) printf(", default %s", f->fallback);
  if ((f->kind == TAME_INT || f->kind == TAME_REAL) && (f->min != 0 || f->max != 0))
    printf(", %g to %g", f->min, f->max);
}

static void print_fields(const tame_field *fields, int indent)
{
  for (const tame_field *f = fields; f && f->name; f++) {
    const bool nested = f->kind == TAME_GROUP || f->kind == TAME_LIST;
    printf("%*s%s: ", indent, "", f->name);
    print_value(f);
    if (f->doc) printf("  # %s", f->doc);
    printf("\n");
    if (nested) print_fields(f->group->fields, indent + 4);
  }
}

static void print_table(const tame_table *table)
{
  printf("%s\n", table->title);
  for (const tame_row *const *row = table->rows; *row; row++) {
    printf("  %-14s %s\n", (*row)->name, (*row)->doc);
    print_fields((*row)->params.fields, 6);
  }
  printf("\n");
}

/* "model cells" may be written model-cells. */
static bool is_title(const char *written, const char *title)
{
  for (; *written && *title; written++, title++)
    if (*written != *title && !(*written == '-' && *title == ' ')) return false;
  return *written == *title;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
  const char **wanted = state->input;
  switch (key) {
    case ARGP_KEY_ARG: {
      bool known = strcmp(argument, "keys") == 0;
      char all[512] = "keys";
      for (int k = 0; k < TABLES; k++) {
        known = known || is_title(argument, tables[k]->title);
        const size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, ", %s", tables[k]->title);
      }
      if (!known) argp_error(state, "'%s' is no table; there are %s", argument, all);
      if (state->arg_num < TABLES + 1) wanted[state->arg_num] = argument;
      break;
    }
    default: return ARGP_ERR_UNKNOWN;
  }
  return 0;
}

static bool is_wanted(const char *const *wanted, const char *title)
{
  bool named = false;
  for (int k = 0; k <= TABLES; k++) named = named || (wanted[k] && is_title(wanted[k], title));
  return named || !wanted[0];
}

int tame_command_list(int argc, char **argv)
{
  static const struct argp argp = {
      NULL,
      parse,
      "[TABLE...]",
      "Print what an experiment file may say, from the tables that read it. For a network that "
      "learns trial by trial: cells, wirings, learners, signals (of which stimuli and targets of "
      "tasks are made), phases, analyses. For a model that learns by gradients: model-cells, "
      "circuits, sources (of data), losses, optimizers, schedules, model-phases. And all keys.",
      NULL,
      NULL,
      NULL};
  const char *wanted[TABLES + 1] = {0};
  argp_parse(&argp, argc, argv, 0, NULL, wanted);
  for (int k = 0; k < TABLES; k++)
    if (is_wanted(wanted, tables[k]->title)) print_table(tables[k]);
  if (is_wanted(wanted, "keys")) {
    printf("keys, with a network\n");
    print_fields(tame_experiment_schema.fields, 2);
    printf("\nkeys, with a model\n");
    print_fields(tame_model_experiment_schema.fields, 2);
  }
  return TAME_OK;
}

/* Structures from YAML and back: every kind of field, every refusal with its message and place. */
#include "experiment/yaml.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/schema.h"

/* ---- a small schema that has every kind --------------------------------------------------- */

typedef struct rate {
  double tau_ms;
} rate;

typedef struct spike {
  double reset_mv;
  tame_reals levels;
  struct {
    int64_t steps;
  } delay;
} spike;

typedef struct train {
  int weights;
  int64_t trials;
  char *target;
} train;

typedef struct pen {
  tame_reals points;
  tame_variant next;
} pen;

typedef struct task {
  char *name;
  int64_t repeats;
  tame_reals window_ms;
  tame_list inputs;
} task;

typedef struct network {
  int64_t neurons, shift;
  double gain, density;
  int plasticity;
  bool noise;
  tame_variant cell, extra;
} network;

typedef struct output {
  tame_strings neurons, words;
  double every_ms;
} output;

typedef struct job {
  char *name, *comment, *unit;
  int64_t seed;
  network network;
  tame_list tasks, phases;
  output output;
} job;

#define AT(type, member) .name = #member, .offset = offsetof(type, member)

static const tame_field rate_fields[] = {{AT(rate, tau_ms), .kind = TAME_REAL, .fallback = "10",
                                          .min = 1e-6, .max = 1e9},
                                         {0}};
static const tame_field delay_fields[] = {
    {.name = "steps", .kind = TAME_INT, .fallback = "3", .max = 9},
    {0}};
static const tame_schema delay_schema = {sizeof(int64_t), delay_fields};
static const tame_field spike_fields[] = {
    {AT(spike, reset_mv), .kind = TAME_REAL, .max = 1},
    {AT(spike, levels), .kind = TAME_REALS, .fallback = "[0, 1]", .min = -5, .max = 5},
    {AT(spike, delay), .kind = TAME_GROUP, .group = &delay_schema},
    {0}};
static const char *const weights[] = {"recurrent", "readout", NULL};
static const tame_field train_fields[] = {
    {AT(train, weights), .kind = TAME_CHOICE, .choices = weights},
    {AT(train, trials), .kind = TAME_INT, .fallback = "1", .min = 1, .max = 1000},
    {AT(train, target), .kind = TAME_STRING, .fallback = ""},
    {0}};

static const tame_row row_rate = {.name = "rate", .params = {sizeof(rate), rate_fields}};
static const tame_row row_spike = {.name = "spike", .params = {sizeof(spike), spike_fields}};
static const tame_row row_bare = {.name = "bare"};
static const tame_row row_train = {.name = "train", .params = {sizeof(train), train_fields}};
static const tame_row *const cell_rows[] = {&row_rate, &row_spike, &row_bare, NULL};
static const tame_row *const phase_rows[] = {&row_train, &row_bare, NULL};
static const tame_table cells = {"cells", cell_rows};
static const tame_table phases = {"phases", phase_rows};

static const tame_field pen_fields[] = {{AT(pen, points), .kind = TAME_REALS, .fallback = ""},
                                        {AT(pen, next), .kind = TAME_VARIANT, .fallback = "",
                                         .table = &cells},
                                        {0}};
static const tame_row row_pen = {.name = "pen", .params = {sizeof(pen), pen_fields}};
static const tame_row *const input_rows[] = {&row_pen, &row_rate, NULL};
static const tame_table inputs = {"inputs", input_rows};

static const tame_field task_fields[] = {
    {AT(task, name), .kind = TAME_STRING},
    {AT(task, repeats), .kind = TAME_INT, .fallback = "2", .max = 9},
    {AT(task, window_ms), .kind = TAME_REALS, .fallback = "", .max = 1e12},
    {AT(task, inputs), .kind = TAME_VARIANTS, .fallback = "", .table = &inputs},
    {0}};
static const tame_schema task_schema = {sizeof(task), task_fields};

static const char *const plasticities[] = {"per_neuron", "per_synapse", "off", NULL};
static const tame_field network_fields[] = {
    {AT(network, neurons), .kind = TAME_INT, .min = 1, .max = 1e9},
    {AT(network, shift), .kind = TAME_INT, .fallback = "0"},
    {AT(network, gain), .kind = TAME_REAL, .fallback = "1.5", .max = HUGE_VAL},
    {AT(network, density), .kind = TAME_REAL, .fallback = "0.1", .min = 0, .max = 1},
    {AT(network, plasticity), .kind = TAME_CHOICE, .fallback = "per_neuron",
     .choices = plasticities},
    {AT(network, noise), .kind = TAME_BOOL, .fallback = "off"},
    {AT(network, cell), .kind = TAME_VARIANT, .fallback = "rate", .table = &cells},
    {AT(network, extra), .kind = TAME_VARIANT, .fallback = "", .table = &cells},
    {0}};
static const tame_schema network_schema = {sizeof(network), network_fields};
static const tame_field output_fields[] = {
    {AT(output, neurons), .kind = TAME_STRINGS, .fallback = "all"},
    {AT(output, words), .kind = TAME_STRINGS, .fallback = ""},
    {AT(output, every_ms), .kind = TAME_REAL, .fallback = "", .min = 0, .max = 9},
    {0}};
static const tame_schema output_schema = {sizeof(output), output_fields};
static const tame_field job_fields[] = {
    {AT(job, name), .kind = TAME_STRING},
    {AT(job, comment), .kind = TAME_STRING, .fallback = ""},
    {AT(job, unit), .kind = TAME_STRING, .fallback = "mV"},
    {AT(job, seed), .kind = TAME_INT, .fallback = "1", .min = 0, .max = 1e15},
    {AT(job, network), .kind = TAME_GROUP, .group = &network_schema},
    {AT(job, tasks), .kind = TAME_LIST, .fallback = "", .group = &task_schema},
    {AT(job, phases), .kind = TAME_VARIANTS, .fallback = "[bare, bare]", .table = &phases},
    {AT(job, output), .kind = TAME_GROUP, .group = &output_schema},
    {0}};
static const tame_schema job_schema = {sizeof(job), job_fields};

#define LEAST "name: x\nnetwork: {neurons: 8}\n"

static const char good[] = "# every kind of field\n"
                           "name: sine wave\n"
                           "comment: \"two\\nlines, \\u00fc, \\u2028 and \\\"quotes\\\"\"\n"
                           "seed: 1e3\n"
                           "network:\n"
                           "  neurons: 800\n"
                           "  shift: -9223372036854775808\n"
                           "  gain: 0.30000000000000004\n"
                           "  plasticity: per_synapse\n"
                           "  noise: yes\n"
                           "  cell: {spike: {reset_mv: -0.0, levels: [1e-3, -5]}}\n"
                           "  extra: bare\n"
                           "tasks:\n"
                           "  - name: timing\n"
                           "    window_ms: &w [250, 2400]\n"
                           "    inputs:\n"
                           "      - pen: {points: [0, 1.5,\n"
                           "                       2], next: {rate: {tau_ms: 7}}}\n"
                           "      - rate\n"
                           "      - rate:\n"
                           "  - name: \"on\"\n"
                           "    window_ms: *w\n"
                           "phases:\n"
                           "  - train: {weights: readout, trials: 30.0, target: innate}\n"
                           "  - bare\n"
                           "output:\n"
                           "  neurons: [0-99, \"100-199\", all]\n"
                           "  words: one\n";

/* ---- help --------------------------------------------------------------------------------- */

static tame_status load(job *j, const char *text, const char *set, tame_yaml_marks **marks)
{
  return tame_yaml_load(&job_schema, j, "jobs/x.yaml", text, &set, set != NULL, marks);
}

static void release(job *j)
{
  tame_schema_release(&job_schema, j);
}

static void load_good(job *j, const char *text, const char *set, tame_yaml_marks **marks)
{
  const tame_status status = load(j, text, set, marks);
  if (status != TAME_OK) print_message("%s\n", tame_message());
  assert_int_equal(status, TAME_OK);
}

static bool all_zero(const void *memory, size_t size)
{
  const unsigned char *p = memory;
  for (size_t i = 0; i < size; i++)
    if (p[i]) return false;
  return true;
}

/* ---- refusals ----------------------------------------------------------------------------- */

typedef struct bad {
  const char *text, *set, *message;
} bad;

#define IN_NETWORK(line) "name: x\nnetwork:\n  neurons: 8\n  " line "\n"
#define IN_OUTPUT(line) LEAST "output:\n  " line "\n"

static const bad bad_keys[] = {
    {IN_NETWORK("gian: 1"), NULL, "jobs/x.yaml:4: network.gian: unknown key, did you mean 'gain'?"},
    {IN_NETWORK("GAIN: 1"), NULL, "jobs/x.yaml:4: network.GAIN: unknown key, did you mean 'gain'?"},
    {LEAST "output: {every: 1}", NULL,
     "jobs/x.yaml:3: output.every: unknown key, did you mean 'every_ms'?"},
    {LEAST "output: {velocity: 1}", NULL,
     "jobs/x.yaml:3: output.velocity: unknown key; known here: neurons, words, every_ms"},
    {LEAST "phases: [bare: {a: 1}]", NULL,
     "jobs/x.yaml:3: phases[0].bare.a: unknown key; known here: none"},
    {IN_NETWORK("neurons: 9"), NULL,
     "jobs/x.yaml:4: network.neurons: given twice, first on line 3"},
    {"name: x\nnetwork:\n  gain: 2\n", NULL,
     "jobs/x.yaml:2: network: required key 'neurons' is missing"},
    {"# nothing\n\nname: x\n", NULL, "jobs/x.yaml:3: network: required key 'neurons' is missing"},
    {"network: {neurons: 8}\n", NULL, "jobs/x.yaml:1: required key 'name' is missing"},
    {LEAST "phases:\n  - bare\n  - train:\n      trials: 2\n", NULL,
     "jobs/x.yaml:5: phases[1].train: required key 'weights' is missing"},
    {LEAST "phases:\n  - bare\n  - train\n", NULL,
     "jobs/x.yaml:5: phases[1].train: required key 'weights' is missing"},
    {LEAST "tasks:\n  - name: a\n  - inputs: []\n", NULL,
     "jobs/x.yaml:5: tasks[1]: required key 'name' is missing"},
    {LEAST "a: &a {b: 1}\n", NULL,
     "jobs/x.yaml:3: a: unknown key; known here: name, comment, unit, "
     "seed, network, tasks, phases, output"},
    {"name: x\nnetwork: &n {neurons: 8}\noutput:\n  <<: *n\n", NULL,
     "jobs/x.yaml:4: output.<<: merge keys are not known; an alias stands for a whole value"},
    {LEAST "? [a]\n: 1\n", NULL, "jobs/x.yaml:3: found a list as a key, want a name"},
    {LEAST "? {a: 1}\n: 1\n", NULL, "jobs/x.yaml:3: found a mapping as a key, want a name"},
    {LEAST
     "0123456789012345678901234567890123456789012345678901234567890123456789012345678901: 1\n",
     NULL,
     "jobs/x.yaml:3: 0123456789012345678901234567890123456789012345678901234567890123456789012345"
     "...: unknown key; known here: name, comment, unit, seed, network, tasks, phases, output"},
};

static const bad bad_values[] = {
    {"name: x\nnetwork:\n  neurons: 3.5\n", NULL,
     "jobs/x.yaml:3: network.neurons: found '3.5', want a whole number from 1 to 1000000000"},
    {"name: x\nnetwork:\n  neurons: 0\n", NULL,
     "jobs/x.yaml:3: network.neurons: found '0', want a whole number from 1 to 1000000000"},
    {"name: x\nnetwork:\n  neurons:\n", NULL,
     "jobs/x.yaml:3: network.neurons: found no value, want a whole number from 1 to 1000000000"},
    {"name: x\nnetwork:\n  neurons: 1.5e0\n", NULL,
     "jobs/x.yaml:3: network.neurons: found '1.5e0', want a whole number from 1 to 1000000000"},
    {IN_NETWORK("shift: 9223372036854775808"), NULL,
     "jobs/x.yaml:4: network.shift: found '9223372036854775808', want a whole number that fits 64 "
     "bits"},
    {IN_NETWORK("shift: -9223372036854775809"), NULL,
     "jobs/x.yaml:4: network.shift: found '-9223372036854775809', want a whole number that fits 64 "
     "bits"},
    {IN_NETWORK("shift: 1e99999999999999999999"), NULL,
     "jobs/x.yaml:4: network.shift: found '1e99999999999999999999', want a whole number that fits "
     "64 "
     "bits"},
    {IN_NETWORK("shift: 1e-99999999999999999999"), NULL,
     "jobs/x.yaml:4: network.shift: found '1e-99999999999999999999', want a whole number"},
    {IN_NETWORK("shift: 0x10"), NULL,
     "jobs/x.yaml:4: network.shift: found '0x10', want a whole number, in plain decimal digits"},
    {IN_NETWORK("shift: -0b1"), NULL,
     "jobs/x.yaml:4: network.shift: found '-0b1', want a whole number, in plain decimal digits"},
    {IN_NETWORK("shift: 0o10"), NULL,
     "jobs/x.yaml:4: network.shift: found '0o10', want a whole number, in plain decimal digits"},
    {IN_NETWORK("shift: 010"), NULL,
     "jobs/x.yaml:4: network.shift: found '010', want a whole number, in plain decimal digits"},
    {IN_NETWORK("shift: 1_000"), NULL,
     "jobs/x.yaml:4: network.shift: found '1_000', want a whole number, in plain decimal digits"},
    {IN_NETWORK("gain: 010.5"), NULL,
     "jobs/x.yaml:4: network.gain: found '010.5', want a number of at "
     "least 0, in plain decimal digits"},
    {IN_NETWORK("gain: 10 ms"), NULL,
     "jobs/x.yaml:4: network.gain: found '10 ms', want a number of at least 0: the number alone, "
     "any "
     "unit is in the key"},
    {IN_NETWORK("density: 60%"), NULL,
     "jobs/x.yaml:4: network.density: found '60%', want a number from 0 to 1: the number alone, "
     "any "
     "unit is in the key"},
    {IN_NETWORK("shift: 0.1e"), NULL,
     "jobs/x.yaml:4: network.shift: found '0.1e', want a whole number: the number alone, any unit "
     "is in "
     "the key"},
    {IN_NETWORK("gain: -1"), NULL,
     "jobs/x.yaml:4: network.gain: found '-1', want a number of at least 0"},
    {IN_NETWORK("gain: .inf"), NULL,
     "jobs/x.yaml:4: network.gain: found '.inf', want a number of at least 0: it must be finite"},
    {IN_NETWORK("gain: .NaN"), NULL,
     "jobs/x.yaml:4: network.gain: found '.NaN', want a number of at least 0: it must be finite"},
    {IN_NETWORK("gain: 1e999"), NULL,
     "jobs/x.yaml:4: network.gain: found '1e999', want a number of at least 0: it must be finite"},
    {IN_NETWORK("gain: 1,5"), NULL,
     "jobs/x.yaml:4: network.gain: found '1,5', want a number of at least 0"},
    {IN_NETWORK("gain: finance"), NULL,
     "jobs/x.yaml:4: network.gain: found 'finance', want a number of at least 0"},
    {IN_NETWORK("gain: ."), NULL,
     "jobs/x.yaml:4: network.gain: found '.', want a number of at least 0"},
    {IN_NETWORK("density: 1.5"), NULL,
     "jobs/x.yaml:4: network.density: found '1.5', want a number from 0 to 1"},
    {IN_NETWORK("noise: 1"), NULL, "jobs/x.yaml:4: network.noise: found '1', want on or off"},
    {IN_NETWORK("plasticity: per_neurn"), NULL,
     "jobs/x.yaml:4: network.plasticity: found 'per_neurn', want one of per_neuron, per_synapse, "
     "off; "
     "did you mean 'per_neuron'?"},
    {IN_NETWORK("plasticity: never"), NULL,
     "jobs/x.yaml:4: network.plasticity: found 'never', want one of per_neuron, per_synapse, off"},
    {IN_NETWORK("plasticity: [off]"), NULL,
     "jobs/x.yaml:4: network.plasticity: found a list, want one of per_neuron, per_synapse, off"},
    {"name: \"\"\n", NULL, "jobs/x.yaml:1: name: found '', want a text that is not empty"},
    {"name:\n", NULL, "jobs/x.yaml:1: name: found no value, want a text"},
    {"name: {a: 1}\n", NULL, "jobs/x.yaml:1: name: found a mapping, want a text"},
    {"name: \"a\\0b\"\n", NULL, "jobs/x.yaml:1: found a NUL character in a text"},
    {"name: x\nnetwork: 5\n", NULL, "jobs/x.yaml:2: network: found '5', want a mapping"},
    {"name: x\nnetwork:\n  - 5\n", NULL, "jobs/x.yaml:2: network: found a list, want a mapping"},
    {"- a\n", NULL, "jobs/x.yaml:1: found a list, want a mapping"},
    {"\nword\n", NULL, "jobs/x.yaml:2: found 'word', want a mapping"},
    {"name: !!int 5\n", NULL, "jobs/x.yaml:1: found the tag 'tag:yaml.org,2002:int', want none"},
    {IN_NETWORK("gain: \"1\\t\\n\\ttwo\""), NULL,
     "jobs/x.yaml:4: network.gain: found '1   two', want a number of at least 0"},
};

static const bad bad_lists[] = {
    {LEAST "tasks: {name: a}\n", NULL,
     "jobs/x.yaml:3: tasks: found a mapping, want a list of mappings"},
    {LEAST "tasks:\n  - a\n", NULL, "jobs/x.yaml:4: tasks[0]: found 'a', want a mapping"},
    {LEAST "tasks:\n  - name: a\n    window_ms: {a: 5}\n", NULL,
     "jobs/x.yaml:5: tasks[0].window_ms: found a mapping, want a list of numbers from 0 to "
     "1000000000000"},
    {LEAST "tasks:\n  - name: a\n    window_ms: x\n", NULL,
     "jobs/x.yaml:5: tasks[0].window_ms: found 'x', want a number from 0 to 1000000000000"},
    {LEAST "tasks:\n  - name: a\n    window_ms: [1,\n      x]\n", NULL,
     "jobs/x.yaml:6: tasks[0].window_ms[1]: found 'x', want a number from 0 to 1000000000000"},
    {LEAST "tasks:\n  - name: a\n    window_ms: [~]\n", NULL,
     "jobs/x.yaml:5: tasks[0].window_ms[0]: found no value, want a number from 0 to 1000000000000"},
    {LEAST "tasks:\n  - name: a\n    inputs:\n    - pulze: {}\n", NULL,
     "jobs/x.yaml:6: tasks[0].inputs[0]: found 'pulze', want one of pen, rate"},
    {LEAST "tasks:\n  - name: a\n    inputs: [pen: {next: {spike: {reset_mv: 2}}}]\n", NULL,
     "jobs/x.yaml:5: tasks[0].inputs[0].pen.next.spike.reset_mv: found '2', want a number from 0 "
     "to 1"},
    {IN_OUTPUT("neurons: {a: 1}"), NULL,
     "jobs/x.yaml:4: output.neurons: found a mapping, want a list of words"},
    {IN_OUTPUT("neurons: ['']"), NULL,
     "jobs/x.yaml:4: output.neurons[0]: found '', want a text that is not empty"},
    {IN_OUTPUT("neurons: [[a]]"), NULL,
     "jobs/x.yaml:4: output.neurons[0]: found a list, want a text"},
    {IN_OUTPUT("neurons:"), NULL,
     "jobs/x.yaml:4: output.neurons: found no value, want a list of words"},
    {IN_NETWORK("cell: raet"), NULL,
     "jobs/x.yaml:4: network.cell: found 'raet', want one of rate, spike, bare; did you mean "
     "'rate'?"},
    {IN_NETWORK("cell: {raet: {}}"), NULL,
     "jobs/x.yaml:4: network.cell: found 'raet', want one of rate, spike, bare; did you mean "
     "'rate'?"},
    {IN_NETWORK("cell: {}"), NULL,
     "jobs/x.yaml:4: network.cell: found a mapping, want one of rate, spike, bare"},
    {IN_NETWORK("cell: [rate]"), NULL,
     "jobs/x.yaml:4: network.cell: found a list, want one of rate, spike, bare"},
    {IN_NETWORK("cell:"), NULL,
     "jobs/x.yaml:4: network.cell: found no value, want one of rate, spike, bare"},
    {IN_NETWORK("cell: {rate: 10}"), NULL,
     "jobs/x.yaml:4: network.cell.rate: found '10', want a mapping"},
    {IN_NETWORK("cell:\n    rate: {}\n    bare: {}"), NULL,
     "jobs/x.yaml:6: network.cell: found both 'rate' and 'bare', want only one"},
    {LEAST "phases: bare\n", NULL,
     "jobs/x.yaml:3: phases: found 'bare', want a list with any of train, bare"},
};

static const bad bad_syntax[] = {
    {"", NULL, "jobs/x.yaml:1: there is nothing in this file"},
    {"# only a comment\n", NULL, "jobs/x.yaml:1: there is nothing in this file"},
    {"---\n", NULL, "jobs/x.yaml:1: there is nothing in this file"},
    {LEAST "---\nname: y\n", NULL, "jobs/x.yaml:3: a second document begins, want one alone"},
    {LEAST "...\n}\n", NULL, "jobs/x.yaml:4: did not find expected <document start>"},
    {"name: x\nnetwork:\n\tneurons: 8\n", NULL,
     "jobs/x.yaml:3: while scanning for the next token: found character that cannot start any "
     "token; "
     "indent with spaces, not tabs"},
    {"name: x\nnetwork:\n  neurons: 8\n gain: 1\n", NULL,
     "jobs/x.yaml:4: while parsing a block mapping from line 1: did not find expected key"},
    {"name: [1, 2\n", NULL,
     "jobs/x.yaml:2: while parsing a flow sequence from line 1: did not find expected ',' or ']'"},
    {"name: *who\n", NULL, "jobs/x.yaml:1: found undefined alias"},
    {"name: x\n# gr\xfc\xdf\n", NULL, "jobs/x.yaml:2: invalid leading UTF-8 octet"},
    {"name: x\n# gr\xc3(\n", NULL, "jobs/x.yaml:2: invalid trailing UTF-8 octet"},
    {"name: x\n\n\xff\n", NULL, "jobs/x.yaml:3: invalid leading UTF-8 octet"},
    {"name: x\nbell: \a\n", NULL, "jobs/x.yaml:2: control characters are not allowed"},
    {"name: &a [*a]\n", NULL,
     "jobs/x.yaml:1: nested deeper than 100 levels; is an alias inside its anchor?"},
};

static const bad bad_sets[] = {
    {LEAST, "network.gian=1.5",
     "--set network.gian=1.5: network.gian: unknown key, did you mean 'gain'?"},
    {LEAST, "netwrk.gain=1", "--set netwrk.gain=1: netwrk: unknown key, did you mean 'network'?"},
    {LEAST, "network.gain=-1",
     "--set network.gain=-1: network.gain: found '-1', want a number of at "
     "least 0"},
    {LEAST, "network.gain=",
     "--set network.gain=: network.gain: found no value, want a number of at "
     "least 0"},
    {LEAST, "network={gain: 1}",
     "--set network={gain: 1}: network: required key 'neurons' is missing"},
    {LEAST, "gain", "--set gain: want a path, '=' and a value: network.gain=1.5"},
    {LEAST, "=1", "--set =1: want a path like network.gain or tasks[0].name before '='"},
    {LEAST, "a..b=1", "--set a..b=1: want a path like network.gain or tasks[0].name before '='"},
    {LEAST, "a.=1", "--set a.=1: want a path like network.gain or tasks[0].name before '='"},
    {LEAST, "[0]=1", "--set [0]=1: want a path like network.gain or tasks[0].name before '='"},
    {LEAST, "tasks[x]=1",
     "--set tasks[x]=1: want a path like network.gain or tasks[0].name before '='"},
    {LEAST, "tasks[0=1",
     "--set tasks[0=1: want a path like network.gain or tasks[0].name before '='"},
    {LEAST "tasks: [name: a]", "tasks[0]a=1",
     "--set tasks[0]a=1: want a path like network.gain or tasks[0].name before "
     "'='"},
    {LEAST "phases: [bare, bare]\n", "phases[2].train.trials=5",
     "--set phases[2].train.trials=5: phases: found 2 elements, numbered from 0; none is number 2"},
    {LEAST "phases: [bare, bare]\n", "phases[99999999999999999999]=bare",
     "--set phases[99999999999999999999]=bare: phases: found 2 elements, numbered from 0; none is "
     "number 9223372036854775807"},
    {LEAST, "tasks[0].name=a",
     "--set tasks[0].name=a: tasks: found 0 elements, numbered from 0; none is number 0"},
    {LEAST "phases: [bare]\n", "phases.train.trials=5",
     "--set phases.train.trials=5: phases: found a list, want an index, as in [0]"},
    {LEAST, "name[0]=a", "--set name[0]=a: name: found 'x', want a list"},
    {LEAST, "network[0]=a", "--set network[0]=a: network: found a mapping, want a list"},
    {LEAST, "name.a=a", "--set name.a=a: name: found 'x', want a mapping"},
    {IN_NETWORK("cell: rate"), "network.cell.spike.reset_mv=1",
     "--set network.cell.spike.reset_mv=1: network.cell: found 'rate', want a mapping"},
    {IN_NETWORK("cell: spike"), "network.cell.spike.levels=[]",
     "jobs/x.yaml:4: network.cell.spike: required key 'reset_mv' is missing"},
    {IN_NETWORK("cell: {rate: }"), "network.cell.spike.reset_mv=1",
     "--set network.cell.spike.reset_mv=1: network.cell: found both 'rate' and 'spike', want only "
     "one"},
    {LEAST, "phases=[bare, trian]",
     "--set phases=[bare, trian]: phases[1]: found 'trian', want one of "
     "train, bare; did you mean 'train'?"},
    {LEAST, "phases=[bare",
     "--set phases=[bare: while parsing a flow sequence: did not find expected "
     "',' or ']'"},
    {LEAST, "name=a\n---\nb", "--set name=a --- b: a second document begins, want one alone"},
    {LEAST "name: y\n", "name=z", "jobs/x.yaml:3: name: given twice, also by --set"},
};

static void refuse_all(const bad *table, size_t n)
{
  int wrong = 0;
  for (size_t i = 0; i < n; i++) {
    job j;
    tame_yaml_marks *marks;
    memset(&j, 0xA5, sizeof j);
    const tame_status status = load(&j, table[i].text, table[i].set, &marks);
    const char *found = status == TAME_OK ? "accepted" : tame_message();
    if (status != TAME_ERR_INPUT || marks || !all_zero(&j, sizeof j) ||
        strcmp(found, table[i].message) != 0) {
      print_error("found: %s\nwant:  %s\n", found, table[i].message);
      wrong++;
    }
    if (status == TAME_OK) release(&j), tame_yaml_free(&marks);
  }
  assert_int_equal(wrong, 0);
}

#define REFUSE(table) refuse_all(table, sizeof table / sizeof *table)

static void keys_are_checked(void **state)
{
  (void)state;
  REFUSE(bad_keys);
}

static void values_are_checked(void **state)
{
  (void)state;
  REFUSE(bad_values);
}

static void lists_and_variants_are_checked(void **state)
{
  (void)state;
  REFUSE(bad_lists);
}

static void syntax_is_checked(void **state)
{
  (void)state;
  REFUSE(bad_syntax);
}

static void overrides_are_checked(void **state)
{
  (void)state;
  REFUSE(bad_sets);
}

/* ---- what is read ------------------------------------------------------------------------- */

static void defaults_are_filled_in(void **state)
{
  (void)state;
  job j;
  load_good(&j, LEAST, NULL, NULL);
  assert_null(j.comment);
  assert_string_equal(j.unit, "mV");
  assert_int_equal(j.seed, 1);
  assert_true(j.network.gain == 1.5 && j.network.density == 0.1 && !j.network.noise);
  assert_ptr_equal(j.network.cell.row, &row_rate);
  assert_true(((rate *)j.network.cell.params)->tau_ms == 10);
  assert_null(j.network.extra.row);
  assert_int_equal(j.tasks.count, 0);
  assert_int_equal(j.phases.count, 2);
  assert_ptr_equal(((tame_variant *)j.phases.at)[1].row, &row_bare);
  assert_int_equal(j.phases.lines[1], 0);
  assert_int_equal(j.output.neurons.count, 1);
  assert_string_equal(j.output.neurons.at[0], "all");
  assert_int_equal(j.output.words.count, 0);
  assert_true(isnan(j.output.every_ms));
  release(&j);
  assert_true(all_zero(&j, sizeof j));
  release(&j);
}

static void defaults_leave_required_values_zero(void **state)
{
  (void)state;
  job j;
  memset(&j, 0xA5, sizeof j);
  assert_int_equal(tame_defaults(&job_schema, &j), TAME_OK);
  assert_null(j.name);
  assert_int_equal(j.network.neurons, 0);
  assert_true(j.network.gain == 1.5);
  release(&j);
}

static void every_kind_is_read(void **state)
{
  (void)state;
  job j;
  load_good(&j, good, NULL, NULL);
  const task *tasks = j.tasks.at;
  const tame_variant *in = tasks[0].inputs.at, *phase = j.phases.at;
  const spike *s = j.network.cell.params;
  const pen *p = in[0].params;
  const train *t = phase[0].params;
  assert_string_equal(j.name, "sine wave");
  assert_string_equal(j.comment, "two\nlines, \xc3\xbc, \xe2\x80\xa8 and \"quotes\"");
  assert_int_equal(j.seed, 1000);
  assert_true(j.network.shift == INT64_MIN && j.network.gain == 0.30000000000000004);
  assert_true(j.network.plasticity == 1 && j.network.noise);
  assert_true(s->reset_mv == 0 && signbit(s->reset_mv) && s->delay.steps == 3);
  assert_true(s->levels.count == 2 && s->levels.at[0] == 1e-3 && s->levels.at[1] == -5);
  assert_ptr_equal(j.network.extra.row, &row_bare);
  assert_int_equal(j.tasks.count, 2);
  assert_int_equal(j.tasks.lines[0], 14);
  assert_int_equal(j.tasks.lines[1], 21);
  assert_int_equal(tasks[0].inputs.lines[0], 17);
  assert_int_equal(tasks[0].inputs.lines[2], 20);
  assert_true(p->points.count == 3 && p->points.at[2] == 2 && p->next.row == &row_rate);
  assert_true(((rate *)p->next.params)->tau_ms == 7 && ((rate *)in[2].params)->tau_ms == 10);
  assert_string_equal(tasks[1].name, "on");
  assert_true(tasks[1].window_ms.count == 2 && tasks[1].window_ms.at[1] == 2400);
  assert_true(t->weights == 1 && t->trials == 30);
  assert_string_equal(t->target, "innate");
  assert_true(j.output.neurons.count == 3 && j.output.words.count == 1);
  assert_string_equal(j.output.neurons.at[0], "0-99");
  assert_string_equal(j.output.words.at[0], "one");
  release(&j);
}

/* Numbers in all the ways one may write them. */
static void numbers_are_exact(void **state)
{
  (void)state;
  const struct {
    const char *set;
    int64_t shift;
  } table[] = {{"network.shift=9223372036854775807", INT64_MAX},
               {"network.shift=-9223372036854775808", INT64_MIN},
               {"network.shift=+7", 7},
               {"network.shift=-0", 0},
               {"network.shift=1e18", 1000000000000000000},
               {"network.shift=922337203685477580.7e1", INT64_MAX},
               {"network.shift=1.50E+1", 15},
               {"network.shift=1200e-2", 12},
               {"network.shift=0e99999999999999999999", 0},
               {"network.shift=0.0", 0},
               {"network.shift=5.", 5},
               {"network.shift='6'", 6}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    job j;
    load_good(&j, LEAST, table[i].set, NULL);
    assert_true(j.network.shift == table[i].shift);
    release(&j);
  }
}

static void aliases_stand_for_values(void **state)
{
  (void)state;
  job j;
  const char *text = LEAST "tasks:\n  - &t {name: a, window_ms: [1, 2]}\n  - *t\n";
  load_good(&j, text, "tasks[1].window_ms[0]=9", NULL); /* changes one of them */
  const task *tasks = j.tasks.at;
  assert_string_equal(tasks[1].name, "a");
  assert_true(tasks[0].window_ms.at[0] == 1 && tasks[1].window_ms.at[0] == 9);
  release(&j);
}

static void one_number_stands_for_a_list(void **state)
{
  (void)state;
  job j;
  load_good(&j, LEAST "tasks:\n  - {name: a, window_ms: 7}\n  - {name: b, window_ms: [1, 2]}\n",
            "tasks[1].window_ms=8.5", NULL);
  const task *tasks = j.tasks.at;
  assert_true(tasks[0].window_ms.count == 1 && tasks[0].window_ms.at[0] == 7);
  assert_true(tasks[1].window_ms.count == 1 && tasks[1].window_ms.at[0] == 8.5);
  release(&j);
}

static void multiplying_aliases_are_refused(void **state)
{
  (void)state;
  job j;
  char text[4096], *p = text;
  p += sprintf(p, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
  for (int i = 1; i < 12; i++) {
    p += sprintf(p, "a%d: &a%d [", i, i);
    for (int k = 0; k < 10; k++) p += sprintf(p, "*a%d%s", i - 1, k < 9 ? ", " : "]\n");
  }
  assert_int_equal(load(&j, text, NULL, NULL), TAME_ERR_INPUT);
  assert_non_null(strstr(tame_message(), "larger than 64 MB; do aliases multiply?"));
}

/* Lists in lists, by brackets or by dashes. */
static void deep_nesting_is_refused(void **state)
{
  (void)state;
  for (size_t depth = 90; depth < 50000; depth *= 5) {
    job j;
    const char *want = depth < 100 ? "found a list, want a text" : "nested deeper than 100 levels";
    char *text = calloc(2 * depth + 16, 1), *end = text + sprintf(text, "name: ");
    memset(end, '[', depth), memset(end + depth, ']', depth);
    assert_int_equal(load(&j, text, NULL, NULL), TAME_ERR_INPUT);
    assert_non_null(strstr(tame_message(), want));
    end = text + sprintf(text, "name:\n");
    for (size_t i = 0; i < depth; i++) *end++ = '-', *end++ = ' ';
    *end = '\0';
    assert_int_equal(load(&j, text, NULL, NULL), TAME_ERR_INPUT);
    assert_non_null(strstr(tame_message(), want));
    free(text);
  }
}

/* ---- overrides ---------------------------------------------------------------------------- */

/* What part of the dump an override makes. */
static void overrides_reach_everything(void **state)
{
  (void)state;
  const struct {
    const char *text, *set, *want;
  } table[] = {
      {LEAST, "name=a: b", NULL},
      {"network: {neurons: 8}", "name=late", "name: late\n"}, /* gives what is required */
      {"name: x\nnetwork: {neurons: bad}", "network.neurons=9", "neurons: 9\n"},
      {LEAST, "network.gain=2.5", "gain: 2.5\n"},
      {LEAST, "network.cell.rate.tau_ms=20", "cell: {rate: {tau_ms: 20}}"},
      {IN_NETWORK("cell: rate"), "network.cell.rate.tau_ms=20", "cell: {rate: {tau_ms: 20}}"},
      {IN_NETWORK("cell: {rate: }"), "network.cell.rate.tau_ms=20", "cell: {rate: {tau_ms: 20}}"},
      {IN_NETWORK("cell: rate\n  noise: on"), "network.cell.rate.tau_ms=20",
       "noise: true\n  cell: {rate: {tau_ms: 20}}"},
      {IN_NETWORK("cell:"), "network.cell.rate.tau_ms=20", "cell: {rate: {tau_ms: 20}}"},
      {IN_NETWORK("cell: {rate: {tau_ms: 1}}"), "network.cell.rate.tau_ms=20",
       "cell: {rate: {tau_ms: 20}}"},
      {IN_NETWORK("cell: {rate: {tau_ms: 1}}"), "network.cell=bare", "cell: bare\n"},
      {LEAST, "phases=[train: {weights: readout}]", "  - {train: {weights: readout, trials: 1}}\n"},
      {LEAST "phases: [bare, train: {weights: readout}, bare]", "phases[1].train.trials=5",
       "  - bare\n  - {train: {weights: readout, trials: 5}}\n  - bare\n"},
      {LEAST "phases: [bare, bare, bare]", "phases[0]=train: {weights: readout}",
       "  - {train: {weights: readout, trials: 1}}\n  - bare\n  - bare\n"},
      {LEAST "tasks: [name: a]", "tasks[0].inputs=[{pen: {points: [1, 2]}}, rate]",
       "  - name: a\n    repeats: 2\n    inputs:\n      - {pen: {points: [1, 2]}}\n      - {rate: "
       "{tau_ms: 10}}\n"},
      {LEAST, "output.words=[a, b=c]", "words: [a, \"b=c\"]\n"},
      {LEAST "unit: s", "unit=\"\"", "unit: \"\"\n"},
      {IN_OUTPUT("words: [a]"), "output.words=", "output:\n  neurons: [all]\n"},
      {IN_OUTPUT("words: [a]"), "output.neurons=[]", "neurons: []\n  words: [a]\n"},
      {IN_OUTPUT("every_ms: 5"), "output.every_ms=~", "output:\n  neurons: [all]\n"},
  };
  for (size_t i = 1; i < sizeof table / sizeof *table; i++) {
    job j;
    load_good(&j, table[i].text, table[i].set, NULL);
    char *text = tame_yaml_dump(&job_schema, &j);
    if (!strstr(text, table[i].want)) print_error("%s: got\n%s", table[i].set, text);
    assert_non_null(strstr(text, table[i].want));
    free(text);
    release(&j);
  }
}

static void overrides_apply_in_order(void **state)
{
  (void)state;
  job j;
  const char *const sets[] = {"network.cell=spike", "network.cell.spike.reset_mv=0.5",
                              "network.cell.spike.delay.steps=4", "network.neurons=3",
                              "network.neurons=4"};
  const tame_status status = tame_yaml_load(&job_schema, &j, "jobs/x.yaml", "name: x", sets, 5,
                                            NULL);
  assert_int_equal(status, TAME_OK);
  const spike *s = j.network.cell.params;
  assert_true(s->reset_mv == 0.5 && s->delay.steps == 4 && j.network.neurons == 4);
  release(&j);
}

/* ---- places ------------------------------------------------------------------------------- */

static void later_checks_find_the_place(void **state)
{
  (void)state;
  const char *const table[][2] = {
      {"network.gain", "jobs/x.yaml:8: network.gain: bad 5"},
      {"network.density", "jobs/x.yaml:5: network.density (default): bad 5"},
      {"network.cell.spike.delay.steps",
       "jobs/x.yaml:11: network.cell.spike.delay.steps (default): bad 5"},
      {"network.extra.bare", "jobs/x.yaml:12: network.extra.bare: bad 5"},
      {"tasks[0].inputs[0].pen.points[2]",
       "jobs/x.yaml:18: tasks[0].inputs[0].pen.points[2]: bad 5"},
      {"tasks[0].inputs[1].rate.tau_ms",
       "jobs/x.yaml:19: tasks[0].inputs[1].rate.tau_ms (default): bad 5"},
      {"tasks[1].window_ms", "jobs/x.yaml:22: tasks[1].window_ms: bad 5"},
      {"tasks[1].window_ms[1]", "jobs/x.yaml:15: tasks[1].window_ms[1]: bad 5"}, /* at its anchor */
      {"tasks[7]", "jobs/x.yaml:13: tasks[7] (default): bad 5"},
      {"phases[0].train.trials", "--set phases[0].train.trials=5: phases[0].train.trials: bad 5"},
      {"output.words[0]", "jobs/x.yaml:28: output.words[0]: bad 5"},
      {"nowhere", "jobs/x.yaml:2: nowhere (default): bad 5"},
      {"", "jobs/x.yaml:2: bad 5"},
  };
  job j;
  tame_yaml_marks *marks;
  load_good(&j, good, "phases[0].train.trials=5", &marks);
  release(&j);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    assert_int_equal(tame_yaml_fail_at(marks, table[i][0], "bad %d", 5), TAME_ERR_INPUT);
    assert_string_equal(tame_message(), table[i][1]);
  }
  tame_fail(TAME_ERR_INPUT, "found 1.5"); /* the message may be part of the message */
  tame_yaml_fail_at(marks, "network.gain", "%s", tame_message());
  assert_string_equal(tame_message(), "jobs/x.yaml:8: network.gain: found 1.5");
  tame_yaml_free(&marks);
  assert_null(marks);
  tame_yaml_free(&marks);
  tame_yaml_fail_at(NULL, "network.gain", "bad");
  assert_string_equal(tame_message(), "network.gain: bad");
}

/* ---- printing ----------------------------------------------------------------------------- */

/* Loading a dump gives the structure again: it prints the same, and holds the same. */
static void assert_round_trip(job *j)
{
  job again;
  char *first = tame_yaml_dump(&job_schema, j);
  assert_non_null(first);
  if (load(&again, first, NULL, NULL) != TAME_OK) print_error("%s\n%s", tame_message(), first);
  char *second = tame_yaml_dump(&job_schema, &again);
  assert_string_equal(first, second);
  assert_true(memcmp(&j->network.gain, &again.network.gain, sizeof(double)) == 0);
  assert_true(!j->comment == !again.comment);
  if (j->comment) assert_string_equal(j->comment, again.comment);
  release(&again);
  free(first), free(second);
}

static void dump_is_complete_and_stable(void **state)
{
  (void)state;
  const char want[] = "name: \"sine wave\"\n"
                      "comment: \"two\\nlines, \xc3\xbc, \\U00002028 and \\\"quotes\\\"\"\n"
                      "unit: mV\n"
                      "seed: 1000\n"
                      "network:\n"
                      "  neurons: 800\n"
                      "  shift: -9223372036854775808\n"
                      "  gain: 0.30000000000000004\n"
                      "  density: 0.1\n"
                      "  plasticity: per_synapse\n"
                      "  noise: true\n"
                      "  cell: {spike: {reset_mv: -0, levels: [0.001, -5], delay: {steps: 3}}}\n"
                      "  extra: bare\n"
                      "tasks:\n"
                      "  - name: timing\n"
                      "    repeats: 2\n"
                      "    window_ms: [250, 2400]\n"
                      "    inputs:\n"
                      "      - {pen: {points: [0, 1.5, 2], next: {rate: {tau_ms: 7}}}}\n"
                      "      - {rate: {tau_ms: 10}}\n"
                      "      - {rate: {tau_ms: 10}}\n"
                      "  - name: \"on\"\n"
                      "    repeats: 2\n"
                      "    window_ms: [250, 2400]\n"
                      "phases:\n"
                      "  - {train: {weights: readout, trials: 30, target: innate}}\n"
                      "  - bare\n"
                      "output:\n"
                      "  neurons: [\"0-99\", \"100-199\", all]\n"
                      "  words: [one]\n";
  job j;
  load_good(&j, good, NULL, NULL);
  char *text = tame_yaml_dump(&job_schema, &j);
  assert_string_equal(text, want);
  free(text);
  assert_round_trip(&j);
  release(&j);
}

static void odd_values_survive_a_round_trip(void **state)
{
  (void)state;
  const char *const texts[] = {"a",
                               "null",
                               "~",
                               " lead",
                               "trail ",
                               "#no",
                               "- x",
                               "a: b",
                               "a\tb",
                               "\x7f",
                               "1.5",
                               "true",
                               "{",
                               "[a",
                               "it's",
                               "\\",
                               "\r\n",
                               "\xc2\x85",
                               "\xef\xbb\xbf",
                               "\xf0\x9f\x90\x8e",
                               "\xe4\xb8\xad",
                               "!tag",
                               "&a",
                               "*a",
                               "%",
                               "@",
                               "`",
                               "?",
                               "\xc2\xa0",
                               "\xef\xbf\xbf",
                               "\xee\x80\x80",
                               "\x01"};
  const double numbers[] = {0.1,
                            1.0 / 3,
                            1e300,
                            5e-324,
                            2.2250738585072014e-308,
                            123456789012345680.0,
                            1.7976931348623157e308,
                            100,
                            0};
  job j;
  load_good(&j, LEAST, NULL, NULL);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    free(j.comment);
    j.comment = strdup(texts[i]);
    assert_round_trip(&j);
  }
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    j.network.gain = numbers[i];
    assert_round_trip(&j);
  }
  for (uint64_t i = 0; i < 2000; i++) { /* any bits that are a finite number, or nearly so */
    uint64_t bits = (i + 1) * UINT64_C(0x9E3779B97F4A7C15) >> 1;
    memcpy(&j.network.gain, &bits, sizeof bits);
    if (isfinite(j.network.gain)) assert_round_trip(&j);
  }
  free(j.unit);
  j.unit = NULL; /* empty although its fallback is not */
  assert_round_trip(&j);
  release(&j);
}

static void long_lists_survive_a_round_trip(void **state)
{
  (void)state;
  job j;
  tame_field field = output_fields[0];
  load_good(&j, LEAST "tasks: [{name: a, inputs: [pen, pen: {}, rate, pen: {points: []}]}]\n", NULL,
            NULL);
  tame_schema_clear(&field, &j.output.neurons);
  assert_int_equal(tame_schema_allocate(&field, 5000, &j.output.neurons), TAME_OK);
  for (int i = 0; i < 5000; i++) j.output.neurons.at[i] = strdup(i % 2 ? "word" : "0 words");
  assert_round_trip(&j);
  release(&j);
}

static void nothing_prints_as_an_empty_mapping(void **state)
{
  (void)state;
  const tame_schema empty = {sizeof(pen), pen_fields};
  pen p;
  assert_int_equal(tame_yaml_load(&empty, &p, "f", "{}", NULL, 0, NULL), TAME_OK);
  char *text = tame_yaml_dump(&empty, &p);
  assert_string_equal(text, "{}\n");
  free(text);
}

/* ---- field tables ------------------------------------------------------------------------- */

static void variants_are_chosen_by_name(void **state)
{
  (void)state;
  tame_variant v = {0};
  assert_int_equal(tame_variant_set(&v, &cells, "spike"), TAME_OK);
  assert_true(((spike *)v.params)->levels.count == 2);
  assert_int_equal(tame_variant_set(&v, &cells, "spice"), TAME_ERR_INPUT);
  assert_string_equal(tame_message(),
                      "found 'spice', want one of rate, spike, bare; did you mean 'spike'?");
  assert_ptr_equal(v.row, &row_spike); /* as it was */
  assert_int_equal(tame_variant_set(&v, &cells, "bare"), TAME_OK);
  assert_non_null(v.params);
  const tame_field field = {.kind = TAME_VARIANT, .table = &cells};
  tame_schema_clear(&field, &v);
  assert_null(v.params);
}

static void defaults_out_of_limits_are_reported(void **state)
{
  (void)state;
  const tame_field wrong[] = {{.name = "steps", .kind = TAME_INT, .fallback = "10", .max = 9}, {0}};
  const tame_schema schema = {sizeof(int64_t), wrong};
  int64_t steps;
  assert_int_equal(tame_defaults(&schema, &steps), TAME_ERR_INPUT);
  assert_string_equal(tame_message(), "default of steps in its table: found '10', want a whole "
                                      "number from 0 to 9");
}

static void near_names_are_offered(void **state)
{
  (void)state;
  const char *const table[][2] = {{"neurons", "neurons"},
                                  {"neuron", "neurons"},
                                  {"nuerons", "neurons"},
                                  {"plastic", "plasticity"},
                                  {"g", NULL},
                                  {"cel", "cell"},
                                  {"niose", "noise"},
                                  {"Density", "density"},
                                  {"", NULL},
                                  {"dens", NULL},
                                  {"gaines", "gain"},
                                  {"ce", NULL}};
  const tame_field field = {.kind = TAME_GROUP, .group = &network_schema};
  const char *const letters[] = {"x", "y", "xyz", NULL};
  const tame_field choice = {.kind = TAME_CHOICE, .choices = letters};
  assert_null(tame_schema_nearest(&choice, "z"));
  assert_string_equal(tame_schema_nearest(&choice, "xzy"), "xyz"); /* swapped: one edit */
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const char *near = tame_schema_nearest(&field, table[i][0]);
    if (table[i][1]) assert_string_equal(near, table[i][1]);
    else assert_null(near);
  }
}

static void texts_are_cut_between_characters(void **state)
{
  (void)state;
  char text[200] = "", shown[TAME_SHOWN];
  for (int i = 0; i < 60; i++) strcat(text, "\xe4\xb8\xad");
  tame_schema_shown(text, shown);
  assert_int_equal(strlen(shown), 75 + 3);
  assert_memory_equal(shown, text, 75);
  assert_string_equal(shown + 75, "...");
}

/* ---- hard treatment ----------------------------------------------------------------------- */

/* Byte mutations: nothing may crash or leak, and what is accepted must survive a round trip. */
static void mutations_do_no_harm(void **state)
{
  (void)state;
  static const char bytes[] = "{}[],:-#&*!|>'\"%@`?~ \n\t.0e_x<\x80\xc3";
  int accepted = 0;
  for (uint32_t i = 0; i < 6000; i++) {
    char text[sizeof good + 8];
    size_t n = strlen(good);
    memcpy(text, good, n + 1);
    for (uint32_t k = 0; k <= i % 3; k++) {
      double u[2], v[2];
      tame_uniform2(11, TAME_DRAW_NOISE, i, k, 0, u),
          tame_uniform2(11, TAME_DRAW_NOISE, i, k, 1, v);
      const size_t at = (size_t)(u[0] * (double)n), what = (size_t)(v[0] * (sizeof bytes - 1));
      if (u[1] < 0.2) memmove(text + at, text + at + 1, n - at), n--;
      else if (u[1] < 0.5)
        memmove(text + at + 1, text + at, n - at + 1), text[at] = bytes[what], n++;
      else text[at] = v[1] < 0.7 ? bytes[what] : (char)(unsigned char)(1 + v[1] * 254);
    }
    job j;
    if (load(&j, text, NULL, NULL) == TAME_OK) accepted++, assert_round_trip(&j);
    else assert_true(strncmp(tame_message(), "jobs/x.yaml:", 12) == 0);
    release(&j);
  }
  assert_in_range(accepted, 300, 5000);
}

/* Overrides of every length, cut and spoilt. */
static void mutated_overrides_do_no_harm(void **state)
{
  (void)state;
  const char *const sets[] = {"tasks[0].inputs[0].pen.points[1]=5",
                              "network.cell.spike.delay.steps=7",
                              "phases[1]={train: {weights: readout}}"};
  for (size_t k = 0; k < sizeof sets / sizeof *sets; k++)
    for (size_t at = 0; at < strlen(sets[k]); at++)
      for (const char *c = "=.[]0 a{:\n~\xff";; c++) {
        char set[64];
        strcpy(set, sets[k]);
        set[at] = *c;
        job j;
        if (load(&j, good, set, NULL) == TAME_OK) assert_round_trip(&j);
        release(&j);
        if (!*c) break;
      }
}

/* Memory may run out anywhere: no crash, no leak, and a message that says so. */
static void memory_may_run_out(void **state)
{
  (void)state;
  int64_t n = 0;
  tame_status status = TAME_ERR_NOMEM;
  job j;
  tame_yaml_marks *marks;
  while (status != TAME_OK) {
    tame_memory_fail_at(++n);
    status = load(&j, good, "network.cell.spike.reset_mv=0.5", &marks);
    if (status == TAME_OK) break;
    assert_int_equal(status, TAME_ERR_NOMEM);
    assert_true(all_zero(&j, sizeof j) && !marks);
    assert_true(strncmp(tame_message(), "no memory for", 13) == 0);
  }
  assert_true(n > 80);
  release(&j);
  tame_yaml_free(&marks);
  for (n = 1, status = TAME_ERR_NOMEM; status != TAME_OK; n++) {
    tame_memory_fail_at(n);
    status = tame_defaults(&job_schema, &j);
    assert_true(status == TAME_OK || (status == TAME_ERR_NOMEM && all_zero(&j, sizeof j)));
  }
  tame_memory_fail_at(0);
  assert_true(n > 8);
  release(&j);
}

static bool has(const char *text, const char *set, const char *key)
{
  bool yes = false;
  assert_int_equal(tame_yaml_has(text, &set, set != NULL, key, &yes), TAME_OK);
  return yes;
}

static void keys_can_be_looked_for(void **state)
{
  (void)state;
  const char *const text = "name: a\nmodel:\n  inputs: 1\nempty:\n";
  assert_true(has(text, NULL, "model") && has(text, NULL, "name") && has(text, NULL, "empty"));
  assert_false(has(text, NULL, "inputs")); /* of the document, not deeper */
  assert_false(has(text, NULL, "mode") || has(text, NULL, "models") || has(text, NULL, ""));
  assert_true(has(text, "network.neurons=3", "network") && has(text, "network={}", "network"));
  assert_true(has(text, "name=b", "model"));
  assert_false(has("network: {neurons: 3}", NULL, "model"));
  assert_true(has("{model: 3}", NULL, "model"));
  /* what is no mapping, no YAML, nothing: tame_yaml_load() tells */
  assert_false(has("[model]", NULL, "model") || has("model", NULL, "model"));
  assert_false(has("model: [1,", NULL, "model") || has("", NULL, "model"));
  assert_false(has(text, "model", "model")); /* nor with an override that is none */
}

static void memory_may_run_out_in_looking(void **state)
{
  (void)state;
  static const char *const set = "model.layers=[1, 2]";
  bool yes = false;
  int64_t n = 0;
  tame_status status;
  do {
    tame_memory_fail_at(++n);
    status = tame_yaml_has("name: a\nmodel: {inputs: 1}\n", &set, 1, "model", &yes);
    assert_true(status == TAME_OK || (status == TAME_ERR_NOMEM && !yes));
  } while (status != TAME_OK);
  tame_memory_fail_at(0);
  assert_true(yes && n > 8);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_are_checked),
      cmocka_unit_test(values_are_checked),
      cmocka_unit_test(lists_and_variants_are_checked),
      cmocka_unit_test(syntax_is_checked),
      cmocka_unit_test(overrides_are_checked),
      cmocka_unit_test(defaults_are_filled_in),
      cmocka_unit_test(defaults_leave_required_values_zero),
      cmocka_unit_test(every_kind_is_read),
      cmocka_unit_test(numbers_are_exact),
      cmocka_unit_test(aliases_stand_for_values),
      cmocka_unit_test(one_number_stands_for_a_list),
      cmocka_unit_test(multiplying_aliases_are_refused),
      cmocka_unit_test(deep_nesting_is_refused),
      cmocka_unit_test(overrides_reach_everything),
      cmocka_unit_test(overrides_apply_in_order),
      cmocka_unit_test(later_checks_find_the_place),
      cmocka_unit_test(dump_is_complete_and_stable),
      cmocka_unit_test(odd_values_survive_a_round_trip),
      cmocka_unit_test(long_lists_survive_a_round_trip),
      cmocka_unit_test(nothing_prints_as_an_empty_mapping),
      cmocka_unit_test(variants_are_chosen_by_name),
      cmocka_unit_test(defaults_out_of_limits_are_reported),
      cmocka_unit_test(near_names_are_offered),
      cmocka_unit_test(texts_are_cut_between_characters),
      cmocka_unit_test(mutations_do_no_harm),
      cmocka_unit_test(mutated_overrides_do_no_harm),
      cmocka_unit_test(memory_may_run_out),
      cmocka_unit_test(keys_can_be_looked_for),
      cmocka_unit_test(memory_may_run_out_in_looking),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

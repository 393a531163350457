/* Circuits `ncp` and `autoncp`: neural circuit policies, inputs -> inter -> command -> motor; ncps'
 * NCP and AutoNCP, number for number. Lechner et al. (2020), doi:10.1038/s42256-020-00237-3. */
#include "base/memory.h"
#include "model/numpy_random.h"
#include "model/tables.h"

#include <stdlib.h>

typedef struct ncp_params {
  int64_t inter, command, motor;
  int64_t sensory_fanout, inter_fanout, recurrent_command, motor_fanin;
  int64_t seed;
} ncp_params;

#define COUNT(name, least, text)                                                                   \
  {                                                                                                \
#name, TAME_INT, .offset = offsetof(ncp_params, name), .min = (least), .max = 32000,           \
                     .doc = (text)                                                                 \
  }
static const tame_field fields[] = {
    COUNT(inter, 1, "inter neurons"),
    COUNT(command, 1, "command neurons"),
    COUNT(motor, 1, "motor neurons, the outputs"),
    COUNT(sensory_fanout, 1, "inter neurons that each input reaches"),
    COUNT(inter_fanout, 1, "command neurons that each inter neuron reaches"),
    COUNT(recurrent_command, 0, "draws of a synapse among command neurons"),
    COUNT(motor_fanin, 1, "command neurons that reach each motor neuron"),
    TAME_CIRCUIT_SEED(ncp_params, "22222"),
    {0}};

static tame_status at_most(const char *name, int64_t found, const char *limit_name, int64_t limit)
{
  if (found <= limit) return TAME_OK;
  return tame_fail(TAME_ERR_INPUT, "%s: found %lld, want at most %s = %lld", name, (long long)found,
                   limit_name, (long long)limit);
}

static tame_status plan(const void *params, tame_circuit *circuit)
{
  const ncp_params *p = params;
  tame_status status = at_most("motor_fanin", p->motor_fanin, "command", p->command);
  if (status == TAME_OK) status = at_most("sensory_fanout", p->sensory_fanout, "inter", p->inter);
  if (status == TAME_OK) status = at_most("inter_fanout", p->inter_fanout, "command", p->command);
  if (status == TAME_OK)
    status = at_most("inter + command + motor", p->inter + p->command + p->motor, "the limit",
                     32000);
  circuit->units = p->inter + p->command + p->motor;
  circuit->outputs = p->motor;
  circuit->layers = 3;
  circuit->layer[0] = (tame_circuit_layer){p->motor + p->command, p->inter};
  circuit->layer[1] = (tame_circuit_layer){p->motor, p->command};
  circuit->layer[2] = (tame_circuit_layer){0, p->motor};
  return status;
}

/* ---- drawing, in the order of the original --------------------------------------------------- */

typedef struct drawing {
  tame_mt19937 rng;
  int64_t units;
  int32_t *chosen; /* room for a choice */
} drawing;

static void connect(drawing *d, int8_t *signs, int64_t from, int64_t to)
{
  signs[from * d->units + to] = tame_mt_bounded(&d->rng, 1) == 0 ? -1 : 1;
}

static bool reached(const int8_t *signs, int64_t units, tame_circuit_layer from, int64_t to)
{
  for (int64_t i = from.first; i < from.first + from.count; i++)
    if (signs[i * units + to]) return true;
  return false;
}

/* int(count * fan / among) as Python has it, within 1 to most. */
static int64_t share(int64_t count, int64_t fan, int64_t among, int64_t most)
{
  const int64_t n = count * fan / among;
  return n < 1 ? 1 : n > most ? most : n;
}

/* Each unit of `from` reaches `fanout` of `to`; those that nobody reached hear some of `from`. */
static void fan_out(drawing *d, int8_t *signs, tame_circuit_layer from, tame_circuit_layer to,
                    int64_t fanout, int64_t most)
{
  const int64_t wanted = share(from.count, fanout, to.count, most);
  for (int64_t i = 0; i < from.count; i++) {
    tame_mt_choose(&d->rng, to.count, fanout, d->chosen);
    for (int64_t k = 0; k < fanout; k++) connect(d, signs, from.first + i, to.first + d->chosen[k]);
  }
  for (int64_t j = to.first; j < to.first + to.count; j++) {
    if (reached(signs, d->units, from, j)) continue;
    const int64_t fanin = wanted < from.count ? wanted : from.count;
    tame_mt_choose(&d->rng, from.count, fanin, d->chosen);
    for (int64_t k = 0; k < fanin; k++) connect(d, signs, from.first + d->chosen[k], j);
  }
}

static void recur(drawing *d, int8_t *signs, tame_circuit_layer command, int64_t times)
{
  const uint32_t most = (uint32_t)command.count - 1;
  for (int64_t k = 0; k < times; k++) {
    const int64_t from = command.first + tame_mt_bounded(&d->rng, most);
    connect(d, signs, from, command.first + tame_mt_bounded(&d->rng, most));
  }
}

static bool reaches(const int8_t *signs, int64_t units, int64_t from, tame_circuit_layer to)
{
  for (int64_t j = to.first; j < to.first + to.count; j++)
    if (signs[from * units + j]) return true;
  return false;
}

/* Each motor neuron hears `fanin` command neurons; those that none hears reach some. */
static void fan_in(drawing *d, int8_t *signs, tame_circuit_layer command, tame_circuit_layer motor,
                   int64_t fanin)
{
  const int64_t fanout = share(motor.count, fanin, command.count, motor.count);
  for (int64_t j = motor.first; j < motor.first + motor.count; j++) {
    tame_mt_choose(&d->rng, command.count, fanin, d->chosen);
    for (int64_t k = 0; k < fanin; k++) connect(d, signs, command.first + d->chosen[k], j);
  }
  for (int64_t i = command.first; i < command.first + command.count; i++) {
    if (reaches(signs, d->units, i, motor)) continue;
    tame_mt_choose(&d->rng, motor.count, fanout, d->chosen);
    for (int64_t k = 0; k < fanout; k++) connect(d, signs, i, motor.first + d->chosen[k]);
  }
}

static tame_status draw(const void *params, tame_draft *draft)
{
  const ncp_params *p = params;
  tame_circuit shape = {0};
  drawing d = {.units = draft->units};
  const int64_t room = draft->units > draft->inputs ? draft->units : draft->inputs;
  const tame_status status = plan(p, &shape); /* once more, for the layers */
  if (status != TAME_OK) return status;
  d.chosen = tame_untouched(room, sizeof *d.chosen, "the draft of a circuit");
  if (!d.chosen) return TAME_ERR_NOMEM;
  const tame_circuit_layer inputs = {0, draft->inputs}, inter = shape.layer[0],
                           command = shape.layer[1], motor = shape.layer[2];
  tame_mt_seed(&d.rng, (uint32_t)p->seed);
  fan_out(&d, draft->sensory, inputs, inter, p->sensory_fanout, inputs.count);
  fan_out(&d, draft->inner, inter, command, p->inter_fanout, command.count); /* command: as there */
  recur(&d, draft->inner, command, p->recurrent_command);
  fan_in(&d, draft->inner, command, motor, p->motor_fanin);
  free(d.chosen);
  return TAME_OK;
}

extern const tame_circuit_kind tame_circuit_ncp;
const tame_circuit_kind tame_circuit_ncp = {
    .head = {.name = "ncp",
             .doc =
                 "inputs -> inter -> command -> motor, recurrent among command neurons; ncps' NCP",
             .params = {.size = sizeof(ncp_params), .fields = fields}},
    .plan = plan,
    .draw = draw,
};

/* ---- autoncp --------------------------------------------------------------------------------- */

typedef struct auto_params {
  int64_t units, outputs, seed;
  double sparsity;
} auto_params;

static const tame_field auto_fields[] = {
    {"units", TAME_INT, .offset = offsetof(auto_params, units), .min = 4, .max = 32000,
     .doc = "neurons"},
    {"outputs", TAME_INT, .offset = offsetof(auto_params, outputs), .min = 1, .max = 32000,
     .doc = "motor neurons, < units - 2"},
    {"sparsity", TAME_REAL, .offset = offsetof(auto_params, sparsity), .fallback = "0.5",
     .min = 0.1, .max = 1, .doc = "1 - density of the fan-outs"},
    TAME_CIRCUIT_SEED(auto_params, "22222"),
    {0}};

/* int(x), at least 1. */
static int64_t one_or(double x)
{
  return x >= 1 ? (int64_t)x : 1;
}

static ncp_params split(const auto_params *p)
{
  const double density = 1 - p->sparsity;
  const int64_t rest = p->units - p->outputs, command = one_or(0.4 * (double)rest),
                inter = rest - command;
  const double C = (double)command;
  return (ncp_params){.inter = inter,
                      .command = command,
                      .motor = p->outputs,
                      .sensory_fanout = one_or((double)inter * density),
                      .inter_fanout = one_or(C * density),
                      .recurrent_command = one_or(C * density * 2),
                      .motor_fanin = one_or(C * density),
                      .seed = p->seed};
}

static tame_status auto_plan(const void *params, tame_circuit *circuit)
{
  const auto_params *p = params;
  if (!(p->outputs < p->units - 2))
    return tame_fail(TAME_ERR_INPUT, "outputs: found %lld, want less than units - 2 = %lld",
                     (long long)p->outputs, (long long)p->units - 2);
  const ncp_params ncp = split(p);
  return plan(&ncp, circuit);
}

static tame_status auto_draw(const void *params, tame_draft *draft)
{
  const ncp_params ncp = split(params);
  return draw(&ncp, draft);
}

extern const tame_circuit_kind tame_circuit_autoncp;
const tame_circuit_kind tame_circuit_autoncp = {
    .head = {.name = "autoncp",
             .doc = "ncp with numbers that follow from units and sparsity; ncps' AutoNCP",
             .params = {.size = sizeof(auto_params), .fields = auto_fields}},
    .plan = auto_plan,
    .draw = auto_draw,
};

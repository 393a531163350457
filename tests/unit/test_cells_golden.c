/* Cells against PyTorch's own, and against ncps' and BrainPy's equations written with PyTorch:
 * tests/golden/cells.py; and the liquid time-constant network of ncps' tutorial, whose reference
 * values are in the documents. */
#include "support.h"

#include "base/memory.h"
#include "experiment/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double fill(int64_t k)
{
  double whole;
  return modf((double)k * 0.6180339887498949, &whole);
}

static tame_model *model_of(const char *yaml)
{
  tame_model_params p;
  tame_model *model;
  if (tame_yaml_load(&tame_model_schema, &p, "test", yaml, NULL, 0, NULL) != TAME_OK ||
      tame_model_create(&model, &p) != TAME_OK)
    fail_msg("%s: %s", yaml, tame_message());
  tame_schema_release(&tame_model_schema, &p);
  return model;
}

static double *numbers(int64_t count)
{
  double *at = tame_zeroed(count, sizeof *at, "a test");
  assert_non_null(at);
  return at;
}

/* ---- a sequence unrolled --------------------------------------------------------------------- */

typedef struct unrolled {
  tame_model *model;
  int64_t steps, batch, inputs, outputs, state, tape;
  const double *elapsed;
  double *x, *h, *y, *tapes, *work; /* [steps][batch][.]; of states one more */
  double *dy, *dh, *gradient;
} unrolled;

static unrolled unroll(tame_model *m, int64_t steps, int64_t batch)
{
  unrolled u = {.model = m, .steps = steps, .batch = batch};
  u.inputs = batch * tame_model_inputs(m);
  u.outputs = batch * tame_model_outputs(m);
  u.state = batch * tame_model_state_size(m);
  u.tape = batch * tame_model_tape_size(m);
  u.x = numbers(steps * u.inputs), u.h = numbers((steps + 1) * u.state);
  u.y = numbers(steps * u.outputs), u.tapes = numbers(steps * u.tape);
  u.work = numbers(tame_model_work_size(m, batch));
  u.dy = numbers(steps * u.outputs), u.dh = numbers(2 * u.state);
  u.gradient = numbers(tame_model_count(m));
  return u;
}

static void free_unrolled(unrolled *u)
{
  double *const all[] = {u->x, u->h, u->y, u->tapes, u->work, u->dy, u->dh, u->gradient};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
  tame_model_free(&u->model);
}

static tame_step step_at(const unrolled *u, int64_t t)
{
  return (tame_step){.batch = u->batch,
                     .elapsed = u->elapsed,
                     .slab = tame_model_slab(u->model),
                     .x = u->x + t * u->inputs,
                     .state = u->h + t * u->state,
                     .next = u->h + (t + 1) * u->state,
                     .y = u->y + t * u->outputs,
                     .tape = u->tapes + t * u->tape,
                     .work = u->work};
}

static void run(const unrolled *u)
{
  tame_model_start(u->model, tame_model_slab(u->model), u->batch, u->h);
  for (int64_t t = 0; t < u->steps; t++) {
    const tame_step s = step_at(u, t);
    tame_model_step(u->model, &s);
  }
}

/* The gradient of a loss whose dL/dy is in dy. */
static void run_back(unrolled *u)
{
  double *dnext = u->dh, *dstate = u->dh + u->state;
  memset(u->gradient, 0, (size_t)tame_model_count(u->model) * sizeof *u->gradient);
  memset(dnext, 0, (size_t)u->state * sizeof *dnext);
  for (int64_t t = u->steps - 1; t >= 0; t--) {
    const tame_step s = step_at(u, t);
    const tame_adjoint a = {dnext, u->dy + t * u->outputs, dstate, NULL, u->gradient, 0, 0, NULL,
                            0};
    tame_model_step_vjp(u->model, &s, &a);
    double *const swapped = dnext;
    dnext = dstate;
    dstate = swapped;
  }
  tame_model_start_vjp(u->model, u->batch, dnext, u->gradient);
}

/* ---- PyTorch --------------------------------------------------------------------------------- */

static double filled(const tame_view *v, int64_t k)
{
  static const struct {
    const char *name;
    double low, high;
  } ranges[] = {{".gleak", 0.1, 1},       {".cm", 0.4, 0.6}, {".sigma", 3, 8},
                {".sensory_sigma", 3, 8}, {".w", 0.1, 1},    {".sensory_w", 0.1, 1}};
  double low = -0.5, high = 0.5;
  for (size_t r = 0; r < sizeof ranges / sizeof *ranges; r++) {
    const char *const found = strstr(v->name, ranges[r].name);
    if (!found || found[strlen(ranges[r].name)]) continue; /* not at the end */
    low = ranges[r].low, high = ranges[r].high;
  }
  return low + (high - low) * fill(k);
}

static const struct {
  const char *yaml;
  double loss, y, norm, share; /* y: of the last step; share: the gradient times fill */
} known[] = {
    {"{inputs: 3, layers: [rnn: {units: 4}]}", -0.293387798710865, 0.297748789331594,
     4.58755651429024, 1.41759147603661},
    {"{inputs: 3, layers: [rnn: {units: 4, tau: 4}]}", -0.121875182737332, 0.12398141755492,
     1.3349984907053, 0.890429948050441},
    {"{inputs: 3, layers: [rnn: {units: 4, form: current, activation: relu, tau: 3}]}",
     0.230746707541287, 0.163600531423713, 1.33975788636747, 0.761230311305771},
    {"{inputs: 3, layers: [gru: {units: 4}]}", 0.128758445825387, 0.301728066638367,
     3.27822857305547, 2.26008595648944},
    {"{inputs: 3, layers: [lstm: {units: 4}]}", -0.110498619772838, 0.193691178261089,
     1.38918329146362, 0.299749144400508},
    {"{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5}]}", 0.337639466865409,
     0.553443279560459, 1.89565728664343, -0.396469294701216},
    {"{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, backbone_layers: 2, activation: "
     "silu}]}",
     0.504773149352877, 0.168834650906529, 1.03956516563273, 0.943655673398859},
    {"{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, mode: no_gate, activation: gelu}]}",
     0.170628396269722, 0.479655182881935, 2.31940449403104, 1.52956972012319},
    {"{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, convention: tf}]}", 0.436673564806909,
     0.622317608972119, 1.98094795776029, 0.43186602623988},
    {"{inputs: 2, layers: [cfc: {units: 4, backbone_layers: 0, mode: pure}]}", -0.267646558464327,
     -0.130850468351165, 1.93162013430419, 0.421756683494695},
    {"{inputs: 2, layers: [cfc: {units: 4, backbone_units: 5, mixed_memory: on}]}",
     0.258562485402846, 0.431232907339031, 2.15676606231636, 1.25666473387737},
    {"{inputs: 2, layers: [cfc: {circuit: {autoncp: {units: 8, outputs: 1}}}]}", 0.0780278454636236,
     -0.0135521305424304, 0.625955805261458, -0.061844679090177},
    {"{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 1}}}]}",
     -0.0879915066425938, 0.0966391170401729, 0.895949316321057, -0.814208481371207},
    {"{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 1}}, constraints: "
     "implicit}]}",
     -0.113337024306675, 0.119275708639675, 0.88687846922341, -0.900044931068793},
    {"{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 1}}, solver: euler, "
     "unfolds: 4}]}",
     -0.0866252065734232, 0.0973593226015129, 0.889582575076561, -0.800878331000949},
    {"{inputs: 2, layers: [ltc: {circuit: {autoncp: {units: 8, outputs: 1}}, solver: rk4, unfolds: "
     "2}]}",
     -0.0728453547640806, 0.0968636785382, 0.8900371491746, -0.850870606064702},
    {"{inputs: 3, layers: [lif: {units: 4, tau_syn: 2, tau: 3, v_th: 0.05, v_reset: 0.02}]}",
     -0.817454634063358, 0, 0.126376642898251, -0.177456921265406},
    {"{inputs: 3, layers: [lif: {units: 4, tau_syn: 2, tau: 3, v_th: 0.05, v_reset: 0.02, "
     "surrogate: sigmoid, reset: hard, recurrent: on}]}",
     0.421132824988705, 1, 2.03711334488534, 0.521061073175455},
    {"{inputs: 3, layers: [lif: {units: 4, tau_syn: 2, tau: 3, v_th: 0.05, v_reset: 0.02, "
     "surrogate: triangle, detach: on}]}",
     -0.817454634063358, 0, 0.468261622619648, -0.151739467396936},
    {"{inputs: 3, layers: [alif: {units: 4, tau_syn: 2, tau: 3, v_th: 0.05, v_reset: 0.02, "
     "surrogate: arctan, beta: 0.6, tau_adapt: 20, recurrent: on}]}",
     0.465371124856796, 0, 1.52494804123924, 1.38134778655068},
};

static double norm_of(int64_t n, const double *v)
{
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += v[i] * v[i];
  return sqrt(sum);
}

#define assert_near(got, want, tolerance, what)                                                    \
  do {                                                                                             \
    if (!(fabs((got) - (want)) <= (tolerance)))                                                    \
      fail_msg("%s: found %.15g, want %.15g", what, (double)(got), (double)(want));                \
  } while (0)

static void cells_are_those_of_pytorch(void **state)
{
  (void)state;
  static const double elapsed[] = {0.5, 1.5};
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    const tame_view *views;
    unrolled u = unroll(model_of(known[k].yaml), 3, 2);
    const int64_t count = tame_model_views(u.model, &views), n = tame_model_count(u.model);
    double loss = 0, share = 0;
    u.elapsed = elapsed;
    for (int64_t v = 0; v < count; v++)
      for (int64_t i = 0; i < views[v].count; i++)
        tame_model_slab(u.model)[views[v].first + i] = filled(&views[v], views[v].first + i + 1);
    for (int64_t i = 0; i < 3 * u.inputs; i++) u.x[i] = sin(1 + 0.7 * (double)i);
    for (int64_t i = 0; i < 3 * u.outputs; i++) u.dy[i] = cos(0.3 + 0.9 * (double)i);
    run(&u);
    run_back(&u);
    for (int64_t i = 0; i < 3 * u.outputs; i++) loss += u.dy[i] * u.y[i];
    for (int64_t i = 0; i < n; i++) share += u.gradient[i] * fill(i + 1);
    assert_near(loss, known[k].loss, 1e-13, known[k].yaml);
    assert_near(u.y[2 * u.outputs], known[k].y, 1e-13, known[k].yaml);
    assert_near(norm_of(n, u.gradient), known[k].norm, 1e-12, known[k].yaml);
    assert_near(share, known[k].share, 1e-12, known[k].yaml);
    free_unrolled(&u);
  }
}

/* ---- ncps' tutorial -------------------------------------------------------------------------- */

enum { N = 48, UNITS = 8 };

static const tame_view *view_named(const tame_model *model, const char *name)
{
  const tame_view *views;
  const int64_t count = tame_model_views(model, &views);
  for (int64_t k = 0; k < count; k++)
    if (strcmp(views[k].name + strlen("0.ltc."), name) == 0) return &views[k];
  fail_msg("no view %s", name);
  return NULL;
}

/* The number of a view at a row and a column, in the slab or a gradient like it. */
static double at(const tame_model *m, const char *name, int64_t row, int64_t column,
                 const double *slab)
{
  const tame_view *v = view_named(m, name);
  for (int64_t k = 0; k < v->count; k++) {
    int64_t i, j;
    tame_view_place(v, k, &i, &j);
    if (i == row && j == column) return slab[v->first + k];
  }
  fail_msg("no %s[%d][%d]", name, (int)row, (int)column);
  return NAN;
}

/* The k-th number drawn is frac(k g), in the order of these, all elements of each whether there or
 * not. */
static void golden_ratio_fill(tame_model *m)
{
  static const struct {
    const char *name;
    double low, high;
  } order[] = {{"gleak", 0.001, 1},     {"vleak", -0.2, 0.2},     {"cm", 0.4, 0.6},
               {"sigma", 3, 8},         {"mu", 0.3, 0.8},         {"w", 0.001, 1},
               {"sensory_sigma", 3, 8}, {"sensory_mu", 0.3, 0.8}, {"sensory_w", 0.001, 1}};
  int64_t drawn = 0;
  for (size_t o = 0; o < sizeof order / sizeof *order; o++) {
    const tame_view *v = view_named(m, order[o].name);
    for (int64_t k = 0; k < v->count; k++) {
      int64_t i, j;
      tame_view_place(v, k, &i, &j);
      tame_model_slab(m)[v->first + k] = order[o].low + (order[o].high - order[o].low) *
                                                            fill(drawn + i * v->columns + j + 1);
    }
    drawn += v->rows * v->columns;
  }
}

/* Rounded in earnest: GCC 12 leaves out (double)(float) where it makes vectors of what is around
 * it. */
static double as_float(double x)
{
  volatile float rounded = (float)x;
  return (double)rounded;
}

/* The reference values are for targets rounded to float and inputs that are not. */
static unrolled tutorial(const char *circuit, double target[N])
{
  char yaml[200];
  snprintf(yaml, sizeof yaml, "{inputs: 2, layers: [ltc: {circuit: {%s}}]}", circuit);
  unrolled u = unroll(model_of(yaml), N, 1);
  const double pi = acos(-1);
  assert_int_equal(tame_model_count_published(u.model), 350);
  golden_ratio_fill(u.model);
  for (int t = 0; t < N; t++) {
    const double phase = t / 47.;
    u.x[2 * t] = sin(3 * pi * phase);
    u.x[2 * t + 1] = cos(3 * pi * phase);
    target[t] = as_float(sin(6 * pi * phase));
  }
  return u;
}

/* Mean square, and its gradient. */
static double loss_and_gradient(unrolled *u, const double target[N])
{
  double loss = 0;
  run(u);
  for (int t = 0; t < N; t++) {
    const double e = u->y[t] - target[t];
    loss += e * e / N;
    u->dy[t] = 2 * e / N;
  }
  run_back(u);
  return loss;
}

static void the_tutorial_is_matched(void **state)
{
  (void)state;
  static const struct {
    const char *circuit;
    double loss, out[4], norm; /* outputs 0, 1, 2, 47 */
  } table[] = {
      {"full: {units: 8, outputs: 1}",
       0.499378254307,
       {0.335255030611, 0.269701207083, 0.153837035453, -0.034642945792},
       0.2041752633},
      {"random: {units: 8, outputs: 1, sparsity: 0.75}",
       0.526177246164,
       {0.051560211625, 0.066687598607, 0.072940529750, 0.075190934342},
       0.3720784126},
      {"autoncp: {units: 8, outputs: 1}",
       0.489752137634,
       {0.030076877581, 0.050253004690, 0.045326470951, 0.002221518191},
       0.1443444447},
  };
  static const struct {
    const char *name;
    int row, column;
    double gradient;
  } of_full[] = {
      {"gleak", 0, 1, 0.0023153266},      {"cm", 0, 0, -0.0096016375},
      {"sigma", 1, 1, 5.4988246e-5},      {"mu", 1, 1, 4.0663611e-4},
      {"w", 1, 1, -0.0013599506},         {"erev", 1, 1, -1.9128508e-4},
      {"sensory_w", 0, 4, -0.0021640574}, {"input_w", 0, 1, -0.044654318},
      {"input_b", 0, 0, 0.024993102},     {"output_w", 0, 0, 0.086129371},
      {"output_b", 0, 0, 0.039592964},
  };
  for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
    double target[N];
    unrolled u = tutorial(table[k].circuit, target);
    assert_near(loss_and_gradient(&u, target), table[k].loss, 1e-12, table[k].circuit);
    for (int o = 0; o < 4; o++)
      assert_near(u.y[o < 3 ? o : 47], table[k].out[o], 1e-12, table[k].circuit);
    assert_near(norm_of(tame_model_count(u.model), u.gradient), table[k].norm, 1e-10,
                table[k].circuit);
    for (size_t g = 0; k == 0 && g < sizeof of_full / sizeof *of_full; g++)
      assert_near(at(u.model, of_full[g].name, of_full[g].row, of_full[g].column, u.gradient),
                  of_full[g].gradient, 1e-9, of_full[g].name);
    free_unrolled(&u);
  }
}

/* Adam as Keras has it, and limits after each update, from that start. */
static void its_training_is_matched(void **state)
{
  (void)state;
  static const struct {
    int epoch;
    double loss, tolerance; /* rounding grows with training */
  } want[] = {{1, 0.4993782543, 1e-10},
              {2, 0.4873987753, 1e-10},
              {3, 0.4775551762, 1e-10},
              {100, 0.0184810543, 1e-8},
              {200, 0.0011591210, 1e-8}};
  double target[N];
  int row = 0;
  unrolled u = tutorial("full: {units: 8, outputs: 1}", target);
  tame_variant rule = {0};
  tame_optimizer *adam;
  assert_int_equal(tame_variant_set(&rule, &tame_optimizers, "adam"), TAME_OK);
  for (const tame_field *f = rule.row->params.fields; f->name; f++) {
    void *const value = (char *)rule.params + f->offset;
    if (strcmp(f->name, "rate") == 0) *(double *)value = 0.01;
    if (strcmp(f->name, "epsilon") == 0) *(double *)value = 1e-7;
    if (strcmp(f->name, "form") == 0) *(int *)value = 1;
  }
  assert_int_equal(tame_optimizer_create(&adam, &rule, tame_model_count(u.model)), TAME_OK);
  for (int epoch = 1; epoch <= 200; epoch++) {
    const double loss = loss_and_gradient(&u, target);
    if (epoch == want[row].epoch) {
      assert_near(loss, want[row].loss, want[row].tolerance, "loss");
      row++;
    }
    tame_optimizer_step(adam, 1, 0, u.gradient, tame_model_slab(u.model));
    tame_model_constrain(u.model, tame_model_slab(u.model));
  }
  assert_int_equal(row, 5);
  tame_optimizer_free(&adam);
  free(rule.params);
  free_unrolled(&u);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cells_are_those_of_pytorch),
      cmocka_unit_test(the_tutorial_is_matched),
      cmocka_unit_test(its_training_is_matched),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Losses, penalties, clipping, schedules and optimizers, against PyTorch
 * (tests/golden/optimizers.py), closed forms and differences. */
#include "support.h"

#include "base/memory.h"
#include "experiment/yaml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- rows from YAML -------------------------------------------------------------------------- */

typedef struct chosen {
  tame_variant loss, optimizer;
  tame_list schedules;
  tame_penalties penalties;
} chosen;

#define AT(member) .offset = offsetof(chosen, member)
static const tame_field fields[] = {
    {"loss", TAME_VARIANT, AT(loss), .fallback = "mse", .table = &tame_losses, .doc = "one"},
    {"optimizer", TAME_VARIANT, AT(optimizer), .fallback = "sgd", .table = &tame_optimizers,
     .doc = "one"},
    {"schedules", TAME_VARIANTS, AT(schedules), .fallback = "", .table = &tame_schedules,
     .doc = "some"},
    {"penalties", TAME_GROUP, AT(penalties), .group = &tame_penalties_schema, .doc = "some"},
    {0}};
static const tame_schema schema = {sizeof(chosen), fields};

static chosen choose(const char *yaml)
{
  chosen c;
  if (tame_yaml_load(&schema, &c, "test", yaml, NULL, 0, NULL) != TAME_OK)
    fail_msg("%s: %s", yaml, tame_message());
  return c;
}

static void drop(chosen *c)
{
  tame_schema_release(&schema, c);
}

#define assert_near(got, want, tolerance, what)                                                    \
  do {                                                                                             \
    if (!(fabs((got) - (want)) <= (tolerance)))                                                    \
      fail_msg("%s: found %.17g, want %.17g", what, (double)(got), (double)(want));                \
  } while (0)

/* ---- optimizers ------------------------------------------------------------------------------ */

enum { P = 6, UPDATES = 25 };

static void quartic_bowl(const double theta[P], double g[P])
{
  static const double a[P] = {1, 2, 0.5, 4, 0.1, 3};
  for (int k = 0; k < P; k++)
    g[k] = a[k] * (theta[k] - sin(1 + (double)k)) + 0.4 * theta[k] * theta[k] * theta[k];
}

static void start(double theta[P])
{
  for (int k = 0; k < P; k++) theta[k] = 0.5 * (k + 1);
}

static tame_optimizer *optimizer_of(const char *yaml)
{
  tame_optimizer *o;
  chosen c = choose(yaml);
  assert_int_equal(tame_optimizer_create(&o, &c.optimizer, P), TAME_OK);
  drop(&c); /* it has what it needs */
  return o;
}

static void update(tame_optimizer *o, int64_t epoch, double theta[P])
{
  double g[P];
  quartic_bowl(theta, g);
  tame_optimizer_step(o, 1, epoch, g, theta);
}

static const struct {
  const char *yaml;
  double theta[3][P]; /* after updates 1, 2, 25 */
} known[] = {
    {"{optimizer: {sgd: {rate: 0.05}}}",
     {{0.51457354924039478, 0.97092974268256815, 1.3985280002014966, 1.2886395009384144,
       2.1702053786266844, 1.968087675270161},
      {0.52819338422500217, 0.94646051307807533, 1.3123857256282438, 0.83675301886468778,
       1.9501354384232648, 1.4784995995965766},
      {0.67453214024752606, 0.80927019707697256, 0.56391369050686468, -0.71485631702926267,
       0.7774611002070887, -0.24075156345082166}}},
    {"{optimizer: {sgd: {rate: 0.02, momentum: 0.9, decay: 0.1}}}",
     {{0.50482941969615791, 0.9863718970730273, 1.4564112000805987, 1.7114558003753657,
       2.3630821514506737, 2.5812350701080646},
      {0.51386981258672648, 0.96137351914906999, 1.3764016041671912, 1.210778504713717,
       2.1229193318890394, 1.8899596316029446},
      {0.68087933327417638, 0.83339770980356576, -0.35922082578308845, -0.88475454698995204,
       -1.054402868686811, 0.14648885326656066}}},
    {"{optimizer: {sgd: {rate: 0.02, momentum: 0.9, nesterov: on}}}",
     {{0.5110758974227001, 0.97790660443875177, 1.4228812801531374, 1.4593660207131949,
       2.2493560877562802, 2.2157466332053222},
      {0.52632365781225421, 0.94905890813993321, 1.3218634450419988, 0.84478473402232701,
       1.9573222696593353, 1.4316086777379393},
      {0.72275839502409578, 0.82848367180487625, -0.20985487482268128, -0.74141770966993192,
       -0.98403367369625383, 0.0094687742144842213}}},
    {"{optimizer: {adam: {rate: 0.1, decay: 0.2}}}",
     {{0.59999999477727683, 0.90000000127974589, 1.4000000004292876, 1.9000000000683657,
       2.4000000001409267, 2.9000000000470849},
      {0.67932175003595929, 0.80470268752272101, 1.300661770498821, 1.8002085789126896,
       2.3004460737293715, 2.8002279439095075},
      {0.62815828655817929, 0.69912935630541806, -0.10651993540958854, -0.15497736854459548,
       0.64092223371331791, 0.86447969002448188}}},
    {"{optimizer: {adamw: {rate: 0.1, decay: 0.2, beta1: 0.8, epsilon: 0.01}}}",
     {{0.58668293119274073, 0.88169088822810227, 1.3704903306799787, 1.8600702384808061,
       2.3501513800006557, 2.8400484302626019},
      {0.66543280127101134, 0.7794565645072522, 1.2453081606726908, 1.7235164285557809,
       2.2046752305121413, 2.6840409319437675},
      {0.69837485911879726, 0.79932287757236131, 0.083226531438156948, -0.22704370881625338,
       0.52935761731248487, 0.48644970694037321}}},
    {"{optimizer: {rmsprop: {rate: 0.02}}}",
     {{0.69999993138255878, 0.80000003439941447, 1.3000000098549349, 1.8000000014057571,
       2.3000000030321903, 2.8000000009690744},
      {0.70294509165403185, 0.80476790113923458, 1.1829082203586783, 1.667263119528231,
       2.1759017510203482, 2.6680873365495268},
      {0.7026857166730397, 0.80497508777333615, 0.47129636459728769, 0.56037801592263625,
       1.3177872902369379, 1.588032825458908}}},
    {"{optimizer: {rmsprop: {rate: 0.02, momentum: 0.5, centered: on, alpha: 0.9}}}",
     {{0.56666665904250479, 0.93333333715549094, 1.4333333344283261, 1.9333333334895286,
       2.4333333336702432, 2.9333333334410083},
      {0.64129937622209765, 0.86082539114730794, 1.3516860093131129, 1.8500310784762311,
       2.3509451797763901, 2.8501170460624246},
      {0.70268098419480918, 0.80499999141387102, 0.3970014015376177, 0.23331082580118515,
       1.1794182423222843, 1.2823407361148877}}},
    {"{optimizer: {adagrad: {rate: 0.3, rate_decay: 0.1, first: 0.2}}}",
     {{0.66380538952474089, 0.76220862642182607, 1.2070289974333928, 1.700148101714696,
       2.2006871948679452, 2.7000704081224187},
      {0.69460199171601444, 0.80518626382058522, 1.0675842527287573, 1.5261481814982523,
       2.0453957865828762, 2.5278453651875878},
      {0.7026857055890845, 0.80497508777364879, 0.52298392880980904, 0.66180253859534122,
       1.3800317685584074, 1.6847868225635254}}},
    {"{optimizer: {lbfgs: {history: 4}}}",
     {{0.50657003844493076, 0.98689456459582514, 1.4542544558800896, 1.6793049002719744,
       2.3513221929941244, 2.534793924702917},
      {0.55180816697443669, 0.90601947984900666, 1.1708092442461568, 0.29571239429159979,
       1.6585459721139113, 1.2595154109646147},
      {0.70268572957688813, 0.80497508067457924, 0.13897279366535556, -0.71954784323244547,
       -0.48956891045481893, -0.27659407570571909}}},
};

static void optimizers_are_those_of_pytorch(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    double theta[P];
    tame_optimizer *o = optimizer_of(known[k].yaml);
    start(theta);
    for (int step = 1, row = 0; step <= UPDATES; step++) {
      update(o, 0, theta);
      if (step != 1 && step != 2 && step != UPDATES) continue;
      for (int i = 0; i < P; i++)
        assert_near(theta[i], known[k].theta[row][i], 1e-12, known[k].yaml);
      row++;
    }
    assert_int_equal(tame_optimizer_updates(o), UPDATES);
    tame_optimizer_free(&o);
  }
}

/* Saved after ten updates and brought back into another: the same bits as if never stopped. */
static void optimizers_can_be_resumed(void **unused)
{
  (void)unused;
  for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
    double straight[P], resumed[P];
    char kept[8192];
    tame_optimizer *o = optimizer_of(known[k].yaml), *again = optimizer_of(known[k].yaml);
    start(straight);
    for (int step = 0; step < 10; step++) update(o, 0, straight);
    memcpy(resumed, straight, sizeof resumed);
    for (int back = 0; back < 2; back++) {
      tame_state state = {0};
      size_t at = 0;
      tame_optimizer_state(back ? again : o, back, &state);
      assert_false(state.failed);
      for (int64_t i = 0; i < state.count; i++) {
        const tame_piece *piece = &state.at[i];
        const size_t bytes = (size_t)piece->count * tame_type_size(piece->type);
        assert_int_equal(piece->copy, back);
        assert_true(piece->count == piece->total && at + bytes <= sizeof kept);
        if (back) memcpy(piece->at, kept + at, bytes);
        else memcpy(kept + at, piece->at, bytes);
        at += bytes;
      }
      tame_state_free(&state);
    }
    for (int step = 0; step < 10; step++) update(o, 0, straight), update(again, 0, resumed);
    assert_memory_equal(straight, resumed, sizeof straight);
    assert_int_equal(tame_optimizer_updates(again), 20);
    tame_optimizer_free(&o), tame_optimizer_free(&again);
  }
}

/* With g = 1 always m = 1 - beta1^n, v = 1 - beta2^n after n updates; what Keras and BrainPy 2.4
 * make of them. */
static void adam_has_its_corrections(void **state)
{
  (void)state;
  static const char *const corrections[] = {"step", "epoch", "once"};
  for (int c = 0; c < 3; c++)
    for (int keras = 0; keras < 2; keras++) {
      char yaml[160];
      double theta[P] = {0}, want = 0;
      const double g[P] = {1, 1, 1, 1, 1, 1};
      snprintf(yaml, sizeof yaml,
               "{optimizer: {adam: {rate: 0.5, epsilon: 0.1, form: %s, correction: %s}}}",
               keras ? "keras" : "torch", corrections[c]);
      tame_optimizer *o = optimizer_of(yaml);
      for (int n = 1; n <= 12; n++) {
        const int epoch = (n - 1) / 4, age = c == 0 ? n : c == 1 ? epoch + 1 : 1;
        const double m = 1 - pow(0.9, n), root = sqrt(1 - pow(0.999, n));
        const double c1 = 1 - pow(0.9, age), root_c2 = sqrt(1 - pow(0.999, age));
        const double rate = 0.5 * (n % 2 ? 1 : 0.25);
        want -= keras ? rate * root_c2 / c1 * m / (root + 0.1)
                      : rate * (m / c1) / (root / root_c2 + 0.1);
        tame_optimizer_step(o, n % 2 ? 1 : 0.25, epoch, g, theta);
        assert_near(theta[3], want, 1e-13, yaml);
      }
      tame_optimizer_free(&o);
    }
}

/* lbfgs finds the bottom of a bowl that is not quadratic to the last digits; and remembers no more
 * than it may. */
static void lbfgs_converges(void **state)
{
  (void)state;
  double theta[P], g[P];
  tame_optimizer *o = optimizer_of("{optimizer: {lbfgs: {history: 5}}}");
  start(theta);
  for (int step = 0; step < 60; step++) update(o, 0, theta);
  quartic_bowl(theta, g);
  for (int k = 0; k < P; k++) assert_true(fabs(g[k]) < 1e-7);
  tame_optimizer_free(&o);
}

static void no_memory_is_told(void **state)
{
  (void)state;
  chosen c = choose("{optimizer: adam}");
  for (int64_t at = 1;; at++) {
    tame_optimizer *o;
    tame_memory_fail_at(at);
    const tame_status status = tame_optimizer_create(&o, &c.optimizer, P);
    if (tame_memory_fail_at(0)) {
      assert_int_equal(status, TAME_OK);
      assert_int_equal(at, 5);
      tame_optimizer_free(&o);
      break;
    }
    assert_int_equal(status, TAME_ERR_NOMEM);
    assert_null(o);
  }
  drop(&c);
}

/* ---- losses ---------------------------------------------------------------------------------- */

enum { STEPS = 4, SAMPLES = 3, OUTPUTS = 2, ALL = STEPS * SAMPLES * OUTPUTS };
enum { CURVE, MASKED, COUNTS, CLASSES, ONE, SILENT }; /* kinds of targets */

static const struct {
  const char *yaml;
  int targets;
  double loss, norm, ninth; /* norm of the gradient, and its number 9 */
} losses[] = {
    {"{loss: mse}", CURVE, 0.8692335282047705, 0.3806208805370445, 0.1455995864135593},
    {"{loss: mse}", MASKED, 0.7273199338131482, 0.3913054894400613, 0.1839152670487064},
    {"{loss: {mse: {average: samples}}}", MASKED, 0.7506386050231594, 0.404417758409503,
     0.1941327818847457},
    {"{loss: poisson}", COUNTS, 1.313408165096219, 0.2316967857654355, 0.0601629248631546},
    {"{loss: cross_entropy}", CLASSES, 0.7322224387802064, 0.2116691593468601, 0.05262961574857878},
    {"{loss: {cross_entropy: {over: max}}}", ONE, 0.7610479743793711, 0.4348626269596992,
     0.1812106992759286},
    {"{loss: {cross_entropy: {over: mean}}}", ONE, 0.6771811053488342, 0.2008473836458407,
     0.03838272169363886},
    {"{loss: {cross_entropy: {over: last}}}", ONE, 0.645028009615781, 0.3890042252644706, 0},
    {"{loss: {cross_entropy: {over: max}}}", SILENT, 0.6931471805599453, 0.2041241452319315,
     0.04166666666666666},
};

static void make_case(int kind, double y[ALL], double target[ALL])
{
  for (int k = 0; k < ALL; k++) {
    y[k] = kind == SILENT ? 0 : sin(1 + 0.7 * k);
    target[k] = cos(0.4 * k);
    if (kind == MASKED && k % 5 == 0) target[k] = NAN;
    if (kind == COUNTS) target[k] = fabs(target[k]);
    if (kind == CLASSES) target[k] = (k / SAMPLES + k % SAMPLES) % 2;
    if (kind == ONE || kind == SILENT) target[k] = k != 1;
  }
}

/* The loss of all samples, and its gradient. */
static double run_loss(const tame_variant *loss, int64_t steps, const double *y,
                       const double *target, double *dy)
{
  const tame_sequences_view view = {steps, SAMPLES, OUTPUTS, y, target};
  int64_t counts[SAMPLES], all = 0;
  double weight[SAMPLES], value[SAMPLES], sum = 0;
  assert_int_equal(tame_loss_count(loss, &view, counts), TAME_OK);
  for (int b = 0; b < SAMPLES; b++) all += counts[b];
  for (int b = 0; b < SAMPLES; b++) weight[b] = tame_loss_weight(loss, counts[b], all, SAMPLES);
  tame_loss_run(loss, &view, weight, value, dy);
  for (int b = 0; b < SAMPLES; b++) sum += value[b];
  return sum;
}

static void losses_are_those_of_pytorch(void **state)
{
  (void)state;
  for (size_t k = 0; k < sizeof losses / sizeof *losses; k++) {
    double y[ALL], target[ALL], dy[ALL], norm = 0;
    int64_t target_steps, width;
    chosen c = choose(losses[k].yaml);
    make_case(losses[k].targets, y, target);
    tame_loss_shape(&c.loss, STEPS, OUTPUTS, &target_steps, &width);
    assert_int_equal(target_steps, losses[k].targets >= ONE ? 1 : STEPS);
    assert_int_equal(width, losses[k].targets >= CLASSES ? 1 : OUTPUTS);
    assert_near(run_loss(&c.loss, STEPS, y, target, dy), losses[k].loss, 1e-14, losses[k].yaml);
    for (int i = 0; i < ALL; i++) norm += dy[i] * dy[i];
    assert_near(sqrt(norm), losses[k].norm, 1e-14, losses[k].yaml);
    assert_near(dy[9], losses[k].ninth, 1e-14, losses[k].yaml);
    drop(&c);
  }
}

/* H ty is the derivative of dy along ty: of exact gradients, where no maximum moves. */
static void curves_are_differences(void **state)
{
  (void)state;
  for (size_t k = 0; k + 1 < sizeof losses / sizeof *losses; k++) { /* but for the ties */
    double y[ALL], target[ALL], dy[ALL], ty[ALL], moved[ALL], low[ALL], high[ALL];
    const double weight[SAMPLES] = {0.5, 0.25, 2}, h = 1e-5;
    double value[SAMPLES];
    chosen c = choose(losses[k].yaml);
    make_case(losses[k].targets, y, target);
    for (int i = 0; i < ALL; i++) ty[i] = cos(3 + 1.3 * i);
    const tame_sequences_view view = {STEPS, SAMPLES, OUTPUTS, y, target};
    const tame_sequences_view aside = {STEPS, SAMPLES, OUTPUTS, moved, target};
    tame_loss_curve(&c.loss, &view, weight, ty, dy);
    for (int i = 0; i < ALL; i++) moved[i] = y[i] + h * ty[i];
    tame_loss_run(&c.loss, &aside, weight, value, high);
    for (int i = 0; i < ALL; i++) moved[i] = y[i] - h * ty[i];
    tame_loss_run(&c.loss, &aside, weight, value, low);
    for (int i = 0; i < ALL; i++)
      assert_near(dy[i], (high[i] - low[i]) / (2 * h), 1e-9, losses[k].yaml);
    drop(&c);
  }
}

/* A sample without a target counts nothing, nor do its outputs. */
static void targets_may_be_missing(void **state)
{
  (void)state;
  static const char *const some[] = {"{loss: mse}", "{loss: {mse: {average: samples}}}",
                                     "{loss: {cross_entropy: {over: max}}}",
                                     "{loss: cross_entropy}"};
  for (int k = 0; k < 4; k++) {
    double y[ALL], target[ALL], dy[ALL];
    chosen c = choose(some[k]);
    make_case(k < 2 ? CURVE : k == 2 ? ONE : CLASSES, y, target);
    for (int i = 0; i < ALL; i++)
      if (k < 2 ? i / OUTPUTS % SAMPLES == 1 : i % SAMPLES == 1) target[i] = NAN;
    const double loss = run_loss(&c.loss, STEPS, y, target, dy);
    for (int t = 0; t < STEPS; t++)
      for (int o = 0; o < OUTPUTS; o++) {
        assert_true(dy[(t * SAMPLES + 1) * OUTPUTS + o] == 0);
        y[(t * SAMPLES + 1) * OUTPUTS + o] = 1e3;
      }
    assert_true(run_loss(&c.loss, STEPS, y, target, dy) == loss && loss > 0);
    drop(&c);
  }
}

/* A step without a class between steps with one. */
static void a_step_may_have_no_class(void **state)
{
  (void)state;
  double y[ALL], target[ALL], dy[ALL];
  chosen c = choose("{loss: cross_entropy}");
  make_case(CLASSES, y, target);
  target[2 * SAMPLES + 1] = NAN;
  run_loss(&c.loss, STEPS, y, target, dy);
  for (int k = 0; k < ALL; k++) assert_true((dy[k] == 0) == (k / OUTPUTS == 2 * SAMPLES + 1));
  const tame_sequences_view view = {STEPS, SAMPLES, OUTPUTS, y, target};
  const double weight[SAMPLES] = {1, 1, 1};
  double curved[ALL];
  tame_loss_curve(&c.loss, &view, weight, y, curved);
  for (int k = 0; k < ALL; k++) assert_true((curved[k] == 0) == (k / OUTPUTS == 2 * SAMPLES + 1));
  drop(&c);
}

/* What a sample's outputs come to, by the definition of each `over`. */
static double pooled(const char *over, int64_t steps, const double *y, int64_t stride)
{
  double most = -INFINITY, sum = 0;
  for (int64_t t = 0; t < steps; t++) {
    most = fmax(most, y[t * stride]);
    sum += y[t * stride];
  }
  if (strcmp(over, "max") == 0) return most;
  return strcmp(over, "mean") == 0 ? sum / (double)steps : y[(steps - 1) * stride];
}

/* Is no output larger than that of the class, and none before it as large? */
static bool is_largest(const char *over, int64_t steps, int64_t outputs, const double *y,
                       int64_t stride, double class)
{
  if (isnan(class)) return false;
  const double own = pooled(over, steps, y + (int64_t) class, stride);
  for (int64_t o = 0; o < outputs; o++) {
    const double other = pooled(over, steps, y + o, stride);
    if (other > own || (other == own && o < (int64_t) class)) return false;
  }
  return true;
}

/* Outputs are halves, so that there are ties. */
static void hits_are_the_largest_outputs(void **state)
{
  (void)state;
  enum { T = 5, B = 64, O = 3 };
  static const char *const overs[] = {"steps", "max", "mean", "last"};
  double y[T * B * O], target[T * B];
  for (uint32_t k = 0; k < T * B * O; k++)
    y[k] = floor(4 * tame_uniform(5, TAME_DRAW_INPUT, k, 0, 0)) / 2;
  for (int over = 0; over < 4; over++) {
    char yaml[64];
    int64_t hits[B], all = 0;
    const bool each = over == 0;
    snprintf(yaml, sizeof yaml, "loss: {cross_entropy: {over: %s}}", overs[over]);
    chosen c = choose(yaml);
    for (uint32_t k = 0; k < T * B; k++) {
      const double u = tame_uniform(6, TAME_DRAW_INPUT, k, 0, 0);
      target[k] = u < 0.1 ? (double)NAN : floor((u - 0.1) / 0.9 * O);
    }
    const tame_sequences_view view = {T, B, O, y, target};
    assert_true(tame_loss_has_classes(&c.loss));
    assert_true(tame_loss_hits(&c.loss, &view, hits));
    for (int b = 0; b < B; b++) {
      int64_t want = 0;
      for (int t = 0; t < (each ? T : 1); t++)
        want += is_largest(each ? "last" : overs[over], each ? 1 : T, O, y + (t * B + b) * O, B * O,
                           target[t * B + b]);
      assert_int_equal(hits[b], want);
      all += want;
    }
    assert_in_range(all, B / 5, B * T - B); /* some hits, and some that are none */
    drop(&c);
  }
  chosen c = choose("loss: mse");
  int64_t hits[B];
  const tame_sequences_view view = {T, B, 1, y, target};
  assert_false(tame_loss_has_classes(&c.loss));
  assert_false(tame_loss_hits(&c.loss, &view, hits));
  drop(&c);
}

static void classes_must_be_there(void **state)
{
  (void)state;
  static const double bad[] = {2, -1, 0.5, INFINITY};
  double y[ALL] = {0}, target[ALL];
  int64_t counts[SAMPLES];
  const tame_sequences_view view = {STEPS, SAMPLES, OUTPUTS, y, target};
  chosen c = choose("{loss: cross_entropy}");
  for (int k = 0; k < 4; k++) {
    make_case(CLASSES, y, target);
    target[7] = bad[k];
    assert_int_equal(tame_loss_count(&c.loss, &view, counts), TAME_ERR_INPUT);
    assert_non_null(strstr(tame_message(), "at step 2, with 2 outputs"));
  }
  drop(&c);
}

/* ---- penalties, clipping, schedules ---------------------------------------------------------- */

static void penalties_are_their_sums(void **state)
{
  (void)state;
  for (int all = 0; all < 2; all++) {
    tame_model_params p;
    tame_model *m;
    const tame_view *view;
    chosen c = choose(all ? "{penalties: {weights_l1: 0.3, weights_l2: 0.7, on: all}}"
                          : "{penalties: {weights_l1: 0.3, weights_l2: 0.7}}");
    const char *yaml = "{inputs: 2, layers: [gru: {units: 3}]}";
    assert_int_equal(tame_yaml_load(&tame_model_schema, &p, "test", yaml, NULL, 0, NULL), TAME_OK);
    assert_int_equal(tame_model_create(&m, &p), TAME_OK);
    const int64_t views = tame_model_views(m, &view), n = tame_model_count(m);
    double *theta = tame_model_slab(m), gradient[100], want = 0;
    assert_true(n < 100);
    for (int64_t k = 0; k < n; k++) gradient[k] = 1;
    const double got = tame_penalties_weights(&c.penalties, m, theta, gradient);
    for (int64_t v = 0; v < views; v++)
      for (int64_t k = view[v].first; k < view[v].first + view[v].count; k++) {
        const bool counts = all || strstr(view[v].name, "weight");
        const double w = theta[k];
        want += counts ? 0.3 * fabs(w) + 0.7 * w * w : 0;
        assert_near(gradient[k], counts ? 1 + copysign(0.3, w) + 1.4 * w : 1, 1e-15, view[v].name);
      }
    assert_near(got, want, 1e-14, "penalty");
    tame_model_free(&m);
    tame_schema_release(&tame_model_schema, &p);
    drop(&c);
  }
}

static void gradients_are_clipped(void **state)
{
  (void)state;
  double g[] = {3, -4, 12};
  const tame_clipping none = {NAN, NAN}, by_value = {5, NAN}, by_norm = {NAN, 1}, wide = {NAN, 1e3};
  assert_true(tame_clip(&none, 3, g) == 13 && g[2] == 12);
  assert_true(tame_clip(&wide, 3, g) == 13 && g[2] == 12);
  assert_true(tame_clip(&by_value, 3, g) == 13 && g[2] == 5 && g[1] == -4);
  assert_near(tame_clip(&by_norm, 3, g), sqrt(50), 1e-15, "norm");
  assert_near(g[0], 3 / (sqrt(50) + 1e-6), 1e-15, "clipped");
}

static void schedules_are_their_formulas(void **state)
{
  (void)state;
  const double pi = acos(-1);
  chosen c = choose("{schedules: [exponential: {factor: 0.99975}]}");
  assert_near(tame_schedule_factor(&c.schedules, 3000), pow(0.99975, 3000), 1e-15, "exponential");
  drop(&c);
  c = choose("{schedules: [step: {factor: 0.5, every: 10}]}");
  assert_true(tame_schedule_factor(&c.schedules, 9) == 1);
  assert_true(tame_schedule_factor(&c.schedules, 29) == 0.25);
  drop(&c);
  c = choose("{schedules: [cosine: {factor: 0.1, every: 100}]}");
  assert_near(tame_schedule_factor(&c.schedules, 25), 0.1 + 0.45 * (1 + cos(pi / 4)), 1e-15,
              "cosine");
  assert_near(tame_schedule_factor(&c.schedules, 1000), 0.1, 1e-15, "cosine");
  drop(&c);
  c = choose("{schedules: [warm_up: {every: 4}, step: {factor: 0.5, every: 2}]}"); /* a product */
  assert_true(tame_schedule_factor(&c.schedules, 0) == 0.25);
  assert_true(tame_schedule_factor(&c.schedules, 2) == 0.375);
  assert_true(tame_schedule_factor(&c.schedules, 8) == 0.0625);
  drop(&c);
  c = choose("{}");
  assert_true(tame_schedule_factor(&c.schedules, 8) == 1);
  drop(&c);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(optimizers_are_those_of_pytorch),
      cmocka_unit_test(optimizers_can_be_resumed),
      cmocka_unit_test(adam_has_its_corrections),
      cmocka_unit_test(lbfgs_converges),
      cmocka_unit_test(no_memory_is_told),
      cmocka_unit_test(losses_are_those_of_pytorch),
      cmocka_unit_test(curves_are_differences),
      cmocka_unit_test(targets_may_be_missing),
      cmocka_unit_test(a_step_may_have_no_class),
      cmocka_unit_test(hits_are_the_largest_outputs),
      cmocka_unit_test(classes_must_be_there),
      cmocka_unit_test(penalties_are_their_sums),
      cmocka_unit_test(gradients_are_clipped),
      cmocka_unit_test(schedules_are_their_formulas),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

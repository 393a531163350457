/* Circuits: NumPy's generators number for number, the published wirings synapse for synapse, and
 * the rules of the others. Reference values: numpy 1.24.2 and ncps, with default seeds and two
 * inputs. */
#include "support.h"

#include "base/memory.h"
#include "model/numpy_random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- generators ------------------------------------------------------------------------------ */

static void assert_numbers(const int32_t *got, const int32_t *want, size_t n)
{
  for (size_t i = 0; i < n; i++) assert_int_equal(got[i], want[i]);
}

static void mt19937_is_that_of_numpy(void **state)
{
  (void)state;
  static const uint32_t words[] = {294195201, 1847582594, 1342442730};
  static const int32_t few[] = {3, 5, 9, 4}, all[] = {1, 2, 3, 0, 6, 5, 4};
  tame_mt19937 rng;
  int32_t chosen[10];
  tame_mt_seed(&rng, 22222);
  for (int k = 0; k < 3; k++) assert_int_equal(tame_mt_next(&rng), words[k]);
  tame_mt_seed(&rng, 22222);
  tame_mt_choose(&rng, 10, 4, chosen); /* RandomState(22222).choice(10, 4, replace=False) */
  assert_numbers(chosen, few, 4);
  assert_int_equal(tame_mt_bounded(&rng, 1), 1);
  tame_mt_choose(&rng, 7, 7, chosen);
  assert_numbers(chosen, all, 7);
  tame_mt_seed(&rng,
               5489); /* the ten thousandth number of the authors' own seed, known from C++11 */
  for (int k = 0; k < 9999; k++) tame_mt_next(&rng);
  assert_int_equal(tame_mt_next(&rng), 4123659995u);
}

static void pcg64_is_that_of_numpy(void **state)
{
  (void)state;
  static const uint32_t large[] = {2834714867, 2052539810, 2691641402,
                                   1734877356, 2327057070, 2500953064};
  tame_pcg64 rng;
  tame_pcg_seed(&rng, 1111);
  assert_true(tame_pcg_next(&rng) == 15852105362585597067u);
  assert_true(tame_pcg_next(&rng) == 12115427431398542507u);
  tame_pcg_seed(&rng, 7); /* bounds near 2^32 redraw often */
  for (int k = 0; k < 6; k++) assert_int_equal(tame_pcg_bounded(&rng, 2999999999), large[k]);
}

static void pcg64_chooses_as_numpy(void **state)
{
  (void)state;
  static const int32_t few[] = {37, 46, 39, 23, 24, 31}, nine[] = {0, 1, 8, 7, 3, 2, 5, 4, 6};
  static const int32_t first[] = {3766, 4385, 2358, 6505}, last[] = {9941, 8593, 8398};
  static const int32_t floyd_first[] = {10709, 6804, 9517, 6023},
                       floyd_last[] = {2031, 11665, 3833};
  static const uint32_t thirds[] = {1, 1, 1, 1, 0, 1,
                                    1, 1, 0, 1, 1, 0}; /* not the first of three */
  static int32_t chosen[12000];
  tame_pcg64 rng;
  tame_pcg_seed(&rng, 1111); /* default_rng(1111).choice(50, 6, replace=False), and so on */
  assert_int_equal(tame_pcg_choose(&rng, 50, 6, chosen), TAME_OK);
  assert_numbers(chosen, few, 6);
  for (int k = 0; k < 12; k++) assert_int_equal(tame_pcg_bounded(&rng, 2) > 0, thirds[k]);
  assert_int_equal(tame_pcg_choose(&rng, 9, 9, chosen), TAME_OK);
  assert_numbers(chosen, nine, 9);
  tame_pcg_seed(&rng, 1111); /* many of many: a shuffle of the tail */
  assert_int_equal(tame_pcg_choose(&rng, 10001, 300, chosen), TAME_OK);
  assert_numbers(chosen, first, 4), assert_numbers(chosen + 297, last, 3);
  assert_int_equal(tame_pcg_bounded(&rng, 999), 615);
  tame_pcg_seed(&rng, 5); /* few of many */
  assert_int_equal(tame_pcg_choose(&rng, 12000, 100, chosen), TAME_OK);
  assert_numbers(chosen, floyd_first, 4), assert_numbers(chosen + 97, floyd_last, 3);
  assert_int_equal(tame_pcg_bounded(&rng, 999), 73);
}

/* ---- making circuits ------------------------------------------------------------------------- */

static void put(tame_variant *kind, const char *key, double value)
{
  for (const tame_field *f = kind->row->params.fields; f->name; f++)
    if (strcmp(f->name, key) == 0) {
      void *const at = (char *)kind->params + f->offset;
      if (f->kind == TAME_INT) *(int64_t *)at = (int64_t)value;
      else if (f->kind == TAME_BOOL) *(bool *)at = value != 0;
      else *(double *)at = value;
      return;
    }
  fail_msg("no parameter %s", key);
}

/* "autoncp units=8 outputs=1" */
static tame_status build(tame_circuit *out, const char *text, int64_t inputs)
{
  char copy[256], *rest = NULL;
  tame_variant kind = {0};
  snprintf(copy, sizeof copy, "%s", text);
  assert_int_equal(tame_variant_set(&kind, &tame_circuits, strtok_r(copy, " ", &rest)), TAME_OK);
  for (char *word; (word = strtok_r(NULL, " ", &rest));) {
    char *const equals = strchr(word, '=');
    *equals = '\0';
    put(&kind, word, strtod(equals + 1, NULL));
  }
  const tame_status status = tame_circuit_build(out, &kind, inputs);
  free(kind.params);
  return status;
}

static tame_circuit built(const char *text, int64_t inputs)
{
  tame_circuit circuit;
  assert_int_equal(build(&circuit, text, inputs), TAME_OK);
  return circuit;
}

static int sign_of(const tame_synapses *s, int64_t from, int64_t to)
{
  for (int64_t k = s->start[to]; k < s->start[to + 1]; k++)
    if (s->source[k] == from) return s->sign[k];
  return 0;
}

/* "(0,3)+ (3,0)- ...", source and destination: these and no others. */
static void assert_edges(const tame_synapses *s, const char *edges)
{
  int64_t count = 0, from, to;
  for (const char *at = strchr(edges, '('); at; at = strchr(at + 1, '(')) {
    char sign;
    assert_int_equal(sscanf(at, "(%ld,%ld)%c", &from, &to, &sign), 3);
    assert_int_equal(sign_of(s, from, to), sign == '+' ? 1 : -1);
    count++;
  }
  assert_int_equal(s->count, count);
}

/* All synapses are there, and these are the negative ones. */
static void assert_all_but(const tame_synapses *s, const char *negative)
{
  int64_t count = 0, negatives = 0, from, to;
  assert_int_equal(s->count, s->sources * s->destinations);
  for (int64_t k = 0; k < s->count; k++) negatives += s->sign[k] < 0;
  for (const char *at = strchr(negative, '('); at; at = strchr(at + 1, '(')) {
    assert_int_equal(sscanf(at, "(%ld,%ld)", &from, &to), 2);
    assert_int_equal(sign_of(s, from, to), -1);
    count++;
  }
  assert_int_equal(negatives, count);
}

static void published_wirings_are_matched(void **state)
{
  (void)state;
  tame_circuit c = built("full units=8 outputs=1", 2);
  assert_all_but(&c.inner,
                 "(1,7)(2,3)(2,6)(3,3)(3,4)(5,0)(5,1)(5,7)(6,2)(6,4)(7,0)(7,1)(7,3)(7,4)");
  assert_all_but(&c.sensory, "(0,0)(0,4)(0,6)");
  assert_true(tame_circuit_sparsity(&c) == 0);
  tame_circuit_free(&c);

  c = built("random units=8 outputs=1 sparsity=0.75", 2);
  assert_edges(&c.inner, "(0,3)+ (3,0)+ (3,2)+ (3,6)+ (3,7)+ (4,0)+ (4,2)+ (4,5)+ (4,6)+ (5,1)+ "
                         "(5,2)- (6,2)+ (6,6)- (7,2)+ (7,5)+ (7,6)+");
  assert_edges(&c.sensory, "(0,2)- (0,3)+ (0,7)+ (1,2)-");
  tame_circuit_free(&c);

  c = built("autoncp units=8 outputs=1", 2);
  assert_edges(&c.inner, "(1,0)- (1,1)+ (1,2)- (2,0)+ (3,1)+ (3,2)+ (4,2)+ (5,2)+ (6,2)+ (7,1)+ "
                         "(7,2)-");
  assert_edges(&c.sensory, "(0,3)- (0,4)- (0,7)- (1,3)+ (1,5)- (1,6)-");
  assert_true(tame_circuit_sparsity(&c) == 0.828125); /* the 82.81 % of the tutorial */
  assert_int_equal(c.layers, 3);
  assert_int_equal(c.layer[0].first, 3), assert_int_equal(c.layer[0].count, 5);
  assert_int_equal(c.layer[1].first, 1), assert_int_equal(c.layer[1].count, 2);
  assert_int_equal(c.layer[2].first, 0), assert_int_equal(c.layer[2].count, c.outputs);
  tame_circuit_free(&c);

  c = built("ncp inter=3 command=4 motor=1 sensory_fanout=2 inter_fanout=2 recurrent_command=3 "
            "motor_fanin=4",
            2);
  assert_edges(&c.inner, "(1,0)- (2,0)+ (2,1)+ (2,2)+ (3,0)+ (3,4)- (4,0)+ (5,3)- (5,4)- (6,2)+ "
                         "(6,4)- (7,1)- (7,4)+");
  assert_edges(&c.sensory, "(0,5)- (0,7)- (1,5)+ (1,6)-");
  tame_circuit_free(&c);

  c = built("autoncp units=16 outputs=1", 2);
  assert_int_equal(c.inner.count, 39);
  assert_int_equal(c.sensory.count, 11);
  tame_circuit_free(&c);
}

static void sources_ascend(void **state)
{
  (void)state;
  tame_circuit c = built("random units=40 outputs=3 sparsity=0.5", 5);
  assert_int_equal(c.outputs, 3);
  assert_int_equal(c.inner.count, 800);
  assert_int_equal(c.sensory.count, 100);
  for (int64_t j = 0; j < 40; j++)
    for (int64_t k = c.inner.start[j] + 1; k < c.inner.start[j + 1]; k++)
      assert_true(c.inner.source[k - 1] < c.inner.source[k]);
  tame_circuit_free(&c);
  c = built("full units=4 self_connections=0", 1);
  assert_int_equal(c.inner.count, 12);
  assert_int_equal(c.outputs, 4);
  for (int64_t i = 0; i < 4; i++) assert_int_equal(sign_of(&c.inner, i, i), 0);
  tame_circuit_free(&c);
}

static void impossible_circuits_are_refused(void **state)
{
  (void)state;
  static const struct {
    const char *text, *says;
  } bad[] = {
      {"ncp inter=3 command=4 motor=1 sensory_fanout=2 inter_fanout=2 recurrent_command=3 "
       "motor_fanin=5",
       "motor_fanin: found 5, want at most command = 4"},
      {"ncp inter=3 command=4 motor=1 sensory_fanout=4 inter_fanout=2 recurrent_command=3 "
       "motor_fanin=4",
       "sensory_fanout: found 4, want at most inter = 3"},
      {"ncp inter=3 command=4 motor=1 sensory_fanout=2 inter_fanout=5 recurrent_command=3 "
       "motor_fanin=4",
       "inter_fanout: found 5, want at most command = 4"},
      {"autoncp units=8 outputs=6", "outputs: found 6, want less than units - 2 = 6"},
      {"autoncp units=8 outputs=1 sparsity=0.05", "sparsity"},
      {"random units=8 sparsity=1", "sparsity: found 1, want less than 1"},
      {"random units=8 outputs=9", "outputs: found 9, want at most units = 8"},
      {"ring units=8 reach=4", "reach: found 4, want less than half of units = 8"},
      {"full units=0", "units"},
  };
  tame_circuit c;
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
    assert_int_equal(build(&c, bad[k].text, 2), TAME_ERR_INPUT);
    if (!strstr(tame_message(), bad[k].says)) fail_msg("%s: %s", bad[k].text, tame_message());
    assert_null(c.inner.start);
  }
  assert_int_equal(build(&c, "full units=8", 0), TAME_ERR_INPUT);
}

/* ---- rules of our own ------------------------------------------------------------------------ */

static void ring_hears_its_neighbours(void **state)
{
  (void)state;
  tame_circuit c = built("ring units=10 reach=3 excite=1", 1);
  for (int64_t i = 0; i < 10; i++)
    for (int64_t j = 0; j < 10; j++) {
      const int64_t straight = llabs(i - j), apart = straight < 5 ? straight : 10 - straight;
      assert_int_equal(sign_of(&c.inner, i, j), apart <= 1 ? 1 : apart <= 3 ? -1 : 0);
    }
  tame_circuit_free(&c);
}

/* Every unit keeps its number of inputs; about `rewire` of the synapses are long. */
static void small_world_rewires(void **state)
{
  (void)state;
  int64_t far = 0, excite = 0;
  tame_circuit c = built("small_world units=500 reach=4 rewire=0.25 excitatory=0.75", 3);
  assert_int_equal(c.inner.count, 4000);
  assert_int_equal(c.sensory.count, 1500);
  for (int64_t j = 0; j < 500; j++) {
    assert_int_equal(c.inner.start[j + 1] - c.inner.start[j], 8);
    for (int64_t k = c.inner.start[j]; k < c.inner.start[j + 1]; k++) {
      const int64_t straight = llabs(c.inner.source[k] - j),
                    apart = straight < 250 ? straight : 500 - straight;
      assert_true(apart > 0);
      far += apart > 4;
      excite += c.inner.sign[k] > 0;
    }
  }
  assert_true(fabs((double)far / 4000 - 0.25 * 491 / 499) < 4 * sqrt(0.25 * 0.75 / 4000));
  assert_true(fabs((double)excite / 4000 - 0.75) < 4 * sqrt(0.75 * 0.25 / 4000));
  tame_circuit_free(&c);
  c = built("small_world units=20 reach=2 rewire=0", 1); /* the ring itself */
  for (int64_t j = 0; j < 20; j++) assert_int_not_equal(sign_of(&c.inner, (j + 2) % 20, j), 0);
  tame_circuit_free(&c);
}

static void ei_obeys_dale(void **state)
{
  (void)state;
  tame_circuit c = built("ei units=200 excitatory=0.8 density=0.2", 1);
  for (int64_t j = 0; j < 200; j++)
    for (int64_t k = c.inner.start[j]; k < c.inner.start[j + 1]; k++) {
      assert_int_equal(c.inner.sign[k], c.inner.source[k] < 160 ? 1 : -1);
      assert_int_not_equal(c.inner.source[k], j);
    }
  const double pairs = 200 * 199;
  assert_true(fabs((double)c.inner.count - 0.2 * pairs) < 4 * sqrt(0.2 * 0.8 * pairs));
  tame_circuit_free(&c);
}

static void no_memory_is_told(void **state)
{
  (void)state;
  static const char *const some[] = {"random units=9", "autoncp units=9 outputs=2", "ei units=9"};
  for (size_t k = 0; k < sizeof some / sizeof *some; k++)
    for (int64_t at = 2;; at++) { /* the first is for the parameters */
      tame_circuit c;
      tame_memory_fail_at(at);
      const tame_status status = build(&c, some[k], 2);
      if (tame_memory_fail_at(0)) { /* it had not so many */
        assert_int_equal(status, TAME_OK);
        tame_circuit_free(&c);
        assert_true(at > 4);
        break;
      }
      assert_int_equal(status, TAME_ERR_NOMEM);
      assert_null(c.inner.start);
    }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(mt19937_is_that_of_numpy),
      cmocka_unit_test(pcg64_is_that_of_numpy),
      cmocka_unit_test(pcg64_chooses_as_numpy),
      cmocka_unit_test(published_wirings_are_matched),
      cmocka_unit_test(sources_ascend),
      cmocka_unit_test(impossible_circuits_are_refused),
      cmocka_unit_test(ring_hears_its_neighbours),
      cmocka_unit_test(small_world_rewires),
      cmocka_unit_test(ei_obeys_dale),
      cmocka_unit_test(no_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/** @file tame/tame.h
 * All of the library. */
#ifndef TAME_TAME_H
#define TAME_TAME_H

#include "tame/analysis.h"
#include "tame/base.h"
#include "tame/condense.h"
#include "tame/distance.h"
#include "tame/experiment.h"
#include "tame/gradient.h"
#include "tame/learn.h"
#include "tame/model.h"
#include "tame/network.h"
#include "tame/parallel.h"
#include "tame/store.h"
#include "tame/task.h"

#endif

#include <stddef.h>
#include <string.h>

#include "lsm.h"
#include "lsm_arithmetic.h"

/* Neurons of one kind that follow each other; gate: where their second sums begin, if they have any. */
typedef struct {
    uint32_t first, last, gate;
} lsm_range;

/* Synapses, source by source: `gap` leads from one target to the next, (weight - middle) * scale is what a spike adds. */
typedef struct {
    const lsm_synapse *begin; /* [sources + 1]; left out where each source has `each` */
    const uint8_t *gap;       /* left out where all are 1 */
    const uint8_t *weight;
    const uint8_t *delay; /* left out where all are `same_delay` */
    uint32_t source, sources, sum, each;
    int16_t scale;
    uint8_t middle, same_delay;
} lsm_projection;

#include "lsm_tables.h"

#ifdef LSM_TRACE
#define LSM_SEE(s, name, neuron, value) lsm_trace(s, LSM_REGISTER_##name, neuron, value)
#else
#define LSM_SEE(s, name, neuron, value) ((void)0)
#endif

/* The synaptic sum that is due now. */
static int32_t lsm_due_sum(const lsm *s, uint32_t column)
{
#if LSM_SUMS_WRAP
    return lsm_signed(s->sums[s->row][column]);
#else
    return s->sums[s->row][column];
#endif
}

/* The same, which is taken out of its row. */
static int32_t lsm_take(lsm *s, uint32_t column)
{
    const int32_t sum = lsm_due_sum(s, column);
    s->sums[s->row][column] = 0;
    return sum;
}

#if LSM_PROJECTIONS > 0
/* The sums that are due so many steps after the next one, which is s->row. */
static lsm_sum *lsm_due(lsm *s, uint32_t delay)
{
    const uint32_t row = s->row + delay;
    return s->sums[row < LSM_ROWS ? row : row - LSM_ROWS];
}

#define LSM_ADD(sum, weight) (sum) = (lsm_sum)((sum) + (lsm_wide)((int32_t)(weight) * by))

/* A message of a projection's source, to where and when it arrives. */
static void lsm_send(lsm *s, const lsm_projection *p, uint32_t source, int32_t message)
{
    const int32_t by = message * p->scale, middle = p->middle;
    const uint32_t begin = p->begin ? p->begin[source] : source * p->each;
    const uint32_t last = p->begin ? p->begin[source + 1] : begin + p->each;
    const uint8_t *gap = p->gap, *weight = p->weight, *delay = p->delay;
    lsm_sum *due = lsm_due(s, p->same_delay);
    uint32_t k, target = p->sum - 1u;
    if (delay) {
        for (k = begin; k < last; k++) {
            target += gap ? gap[k] : 1u;
            due = lsm_due(s, delay[k]);
            LSM_ADD(due[target], weight[k] - middle);
        }
    } else if (gap) {
        for (k = begin; k < last; k++) {
            target += gap[k];
            LSM_ADD(due[target], weight[k] - middle);
        }
    } else {
        for (k = begin; k < last; k++) {
            target++;
            LSM_ADD(due[target], weight[k] - middle);
        }
    }
}
#endif


/* --- signals from the states after a frame: whole numbers, of which LSM_SCALE are one of the target's units --- */

/* A feature of 24 bits, by its number. */
static int32_t lsm_state(const lsm *s, uint32_t i)
{
#if LSM_READ_FRAME
    if (i >= LSM_READ)
        return s->frame[i - LSM_READ];
#endif
    {
        uint32_t r = 0, first = 0;
        while (i - first >= lsm_read[r].last - lsm_read[r].first) {
            first += lsm_read[r].last - lsm_read[r].first;
            r++;
        }
#if LSM_TRACES
        if (lsm_read[r].gate)
            return lsm_shifted(s->trace[lsm_read[r].gate - 1u + (i - first)], LSM_TRACE_SHIFT) * ((int32_t)1 << LSM_STATE_SHIFT(i));
#endif
        return (int32_t)s->sent[lsm_read[r].first + (i - first)] * ((int32_t)1 << LSM_STATE_SHIFT(i));
    }
}

void lsm_answer(const lsm *s, int64_t *answers)
{
    uint32_t o, i;
    for (o = 0; o < LSM_OUTPUTS; o++)
        answers[o] = lsm_bias[o];
    for (i = 0; i < LSM_STATES; i++) {
        const int32_t x = lsm_state(s, i);
#if LSM_SQUARES
        const int32_t square = (int32_t)(((uint64_t)lsm_size(x) * lsm_size(x) + ((uint64_t)1 << 22)) >> 23);
#endif
        for (o = 0; o < LSM_OUTPUTS; o++) {
            answers[o] += (int64_t)lsm_weight[o * LSM_FEATURES + i] * x;
#if LSM_SQUARES
            answers[o] += (int64_t)lsm_weight[o * LSM_FEATURES + LSM_STATES + i] * square;
#endif
        }
    }
}

#ifndef LSM_NO_FLOAT
double lsm_value_of(uint32_t output, int64_t answer)
{
    static const double scale[LSM_OUTPUTS] = {LSM_SCALES};
    return (double)answer / scale[output];
}
#endif

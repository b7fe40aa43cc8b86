
/* --- signals by output neurons: what each is about to send. All that adds to it is on its way when a frame ends, and
   what it sends is no more than its sum, so no step has to be run for it --- */

void lsm_answer(const lsm *s, int64_t *answers)
{
    uint32_t o;
    for (o = 0; o < LSM_OUTPUTS; o++) {
        const uint32_t k = LSM_OUTPUT_GRADED + o;
        const int32_t sum = lsm_due_sum(s, LSM_OUTPUT + o);
        const int32_t v = lsm_held(lsm_shifted(sum, GRADEDLI_SHIFT_IN(k)) + GRADEDLI_BIAS(k));
        (void)k; /* where all have the same registers */
        answers[o] = lsm_rounded(v, GRADEDLI_MESSAGE_SHIFT(k), GRADEDLI_MESSAGE_BITS(k));
    }
}

#ifndef LSM_NO_FLOAT
double lsm_value_of(uint32_t output, int64_t answer)
{
    static const double scale[LSM_OUTPUTS] = {LSM_SCALES}, centre[LSM_OUTPUTS] = {LSM_CENTRES};
    return (double)answer / scale[output] + centre[output];
}
#endif

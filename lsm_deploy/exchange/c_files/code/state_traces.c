
/* --- the traces of spiking neurons, which are a state as messages are one --- */

static void lsm_listen(lsm *s)
{
    uint32_t r, n;
    for (r = 0; r < LSM_READ_RANGES; r++)
        if (lsm_read[r].gate) {
            int32_t *trace = s->trace + (lsm_read[r].gate - 1u);
            for (n = lsm_read[r].first; n < lsm_read[r].last; n++, trace++)
                *trace = lsm_decayed(*trace, LSM_TRACE_KEEP) + s->sent[n] * LSM_TRACE_STEP;
        }
}

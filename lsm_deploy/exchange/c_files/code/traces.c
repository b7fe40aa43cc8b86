
/* --- the traces that spikes leave: a register that decays, and that each spike raises --- */

static void lsm_listen(lsm *s)
{
    uint32_t r, n, i = 0;
    for (r = 0; r < LSM_READ_RANGES; r++)
        for (n = lsm_read[r].first; n < lsm_read[r].last; n++, i++) {
            const lsm_feature raised = (lsm_feature)s->sent[n] * LSM_TRACE_STEP;
#if LSM_FEATURES_WIDE
            s->trace[i] = s->trace[i] * LSM_TRACE_KEEP / 4096 + raised;
#else
            s->trace[i] = lsm_decayed(s->trace[i], LSM_TRACE_KEEP) + raised;
#endif
        }
#if LSM_PARTS > 1
    s->steps++;
    if (s->part < LSM_PARTS && s->steps == lsm_end_of(s, s->part)) {
        memcpy(s->feature + s->part * LSM_READ, s->trace, sizeof s->trace);
        s->part++;
    }
#endif
}

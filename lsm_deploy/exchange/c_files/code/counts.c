
/* --- spikes summed up, of each neuron or of a group of some --- */

static void lsm_listen(lsm *s)
{
    lsm_feature *x = s->feature;
    uint32_t r, n, i = 0;
#if LSM_GROUPS > 0
    uint32_t group = 0;
#endif
#if LSM_PARTS > 1
    while (s->part + 1u < LSM_PARTS && s->steps >= lsm_end_of(s, s->part))
        s->part++;
    s->steps++;
    x += s->part * LSM_VALUES;
#endif
    for (r = 0; r < LSM_READ_RANGES; r++)
        for (n = lsm_read[r].first; n < lsm_read[r].last; n++, i++) {
#if LSM_GROUPS > 0
            if (group + 1u < LSM_GROUPS && i >= lsm_group[group + 1u])
                group++;
            x[group] += s->sent[n];
#else
            x[i] += s->sent[n];
#endif
        }
}

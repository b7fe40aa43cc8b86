
/* --- GradedLI: a leaky integrator that sends its value --- */

static void gradedli_clear(lsm *s)
{
    uint32_t k;
    for (k = 0; k < GRADEDLI_NEURONS; k++) {
        s->gradedli_v[k] = GRADEDLI_V_INITIAL(k);
#if GRADEDLI_TURNS
        s->gradedli_clock[k] = 0;
#endif
    }
}

static void gradedli_step(lsm *s)
{
    uint32_t r, n, k = 0;
    for (r = 0; r < GRADEDLI_RANGES; r++)
        for (n = gradedli_ranges[r].first; n < gradedli_ranges[r].last; n++, k++) {
            const int32_t u = lsm_held(lsm_shifted(lsm_take(s, n), GRADEDLI_SHIFT_IN(k)) + GRADEDLI_BIAS(k));
#if GRADEDLI_TURNS
            const int due = s->gradedli_clock[k] == GRADEDLI_PHASE(k);
            s->gradedli_clock[k] =
                (uint16_t)(s->gradedli_clock[k] + 1u == GRADEDLI_PERIOD(k) ? 0u : s->gradedli_clock[k] + 1u);
            LSM_SEE(s, clock, n, s->gradedli_clock[k]);
#else
            const int due = 1;
#endif
            s->sent[n] = 0;
            if (due) {
                const int fraction = GRADEDLI_FRACTION_BITS(k);
                const int32_t lo = GRADEDLI_LO(k), hi = GRADEDLI_HI(k);
                int32_t v = s->gradedli_v[k];
                const int32_t x = lsm_activated(GRADEDLI_ACTIVATION(k), u, fraction, lo, hi);
                v = lsm_held(v + lsm_times(x - GRADEDLI_LEAK(k) * v, GRADEDLI_ALPHA(k), 12));
                s->gradedli_v[k] = v;
                s->sent[n] = lsm_rounded(lsm_activated(GRADEDLI_OUTPUT(k), v, fraction, lo, hi),
                                         GRADEDLI_MESSAGE_SHIFT(k), GRADEDLI_MESSAGE_BITS(k));
            }
            LSM_SEE(s, u, n, u);
            LSM_SEE(s, v, n, s->gradedli_v[k]);
        }
}

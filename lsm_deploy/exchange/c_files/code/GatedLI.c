
/* --- GatedLI: a leaky integrator whose rate is a gate, which a second sum opens --- */

static void gatedli_clear(lsm *s)
{
    uint32_t k;
    for (k = 0; k < GATEDLI_NEURONS; k++) {
        s->gatedli_v[k] = GATEDLI_V_INITIAL(k);
#if GATEDLI_TURNS
        s->gatedli_clock[k] = 0;
#endif
    }
}

static void gatedli_step(lsm *s)
{
    uint32_t r, n, k = 0;
    for (r = 0; r < GATEDLI_RANGES; r++)
        for (n = gatedli_ranges[r].first; n < gatedli_ranges[r].last; n++, k++) {
            const uint32_t gate = gatedli_ranges[r].gate + (n - gatedli_ranges[r].first);
            const int32_t u = lsm_held(lsm_shifted(lsm_take(s, n), GATEDLI_SHIFT_IN(k)) + GATEDLI_BIAS(k));
            const int32_t w =
                lsm_held(lsm_shifted(lsm_take(s, gate), GATEDLI_SHIFT_IN_GATE(k)) + GATEDLI_BIAS_GATE(k));
#if GATEDLI_TURNS
            const int due = s->gatedli_clock[k] == GATEDLI_PHASE(k);
            s->gatedli_clock[k] =
                (uint16_t)(s->gatedli_clock[k] + 1u == GATEDLI_PERIOD(k) ? 0u : s->gatedli_clock[k] + 1u);
            LSM_SEE(s, clock, n, s->gatedli_clock[k]);
#else
            const int due = 1;
#endif
            s->sent[n] = 0;
            if (due) {
                const int fraction = GATEDLI_FRACTION_BITS(k);
                const int32_t lo = GATEDLI_LO(k), hi = GATEDLI_HI(k);
                const int32_t x = lsm_activated(GATEDLI_ACTIVATION(k), u, fraction, lo, hi);
                const int32_t open = lsm_between(lsm_activated(GATEDLI_GATE(k), w, fraction, lo, hi), 0,
                                                 (int32_t)1 << fraction);
                const uint32_t gamma = (uint32_t)lsm_shifted(open, fraction - 15);
                const int32_t base = GATEDLI_BASE(k) * s->gatedli_v[k];
                int32_t v = base + lsm_times(x - base, gamma, 15);
                if (GATEDLI_FUSED(k))
                    v = base + x - lsm_times(base + x, gamma, 15);
                v = lsm_held(v);
                s->gatedli_v[k] = v;
                s->sent[n] = lsm_rounded(lsm_activated(GATEDLI_OUTPUT(k), v, fraction, lo, hi),
                                         GATEDLI_MESSAGE_SHIFT(k), GATEDLI_MESSAGE_BITS(k));
            }
            LSM_SEE(s, u, n, u);
            LSM_SEE(s, w, n, w);
            LSM_SEE(s, v, n, s->gatedli_v[k]);
        }
}

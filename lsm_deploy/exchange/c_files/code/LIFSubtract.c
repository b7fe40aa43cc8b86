
/* --- LIFSubtract: a spike takes the threshold from the voltage, at once or in the next step --- */

static void lifsubtract_clear(lsm *s)
{
    memset(s->lifsubtract_u, 0, sizeof s->lifsubtract_u);
    memset(s->lifsubtract_v, 0, sizeof s->lifsubtract_v);
}

static void lifsubtract_step(lsm *s)
{
    uint32_t r, n, k = 0;
    for (r = 0; r < LIFSUBTRACT_RANGES; r++)
        for (n = lifsubtract_ranges[r].first; n < lifsubtract_ranges[r].last; n++, k++) {
            const int32_t u = lsm_current(s->lifsubtract_u[k], 4095u - LIFSUBTRACT_DU(k), lsm_take(s, n));
            const int32_t threshold = (int32_t)LIFSUBTRACT_VTH(k) * 64, before = s->lifsubtract_v[k];
            const int32_t owed = LIFSUBTRACT_RESET_DELAY(k) && before > threshold ? threshold : 0;
            int32_t v = lsm_decayed(before, 4096u - LIFSUBTRACT_DV(k)) + u + LIFSUBTRACT_BIAS(k) - owed;
            int fires;
            v = lsm_held(v);
            fires = v > threshold;
            s->lifsubtract_u[k] = u;
            s->lifsubtract_v[k] = fires && !LIFSUBTRACT_RESET_DELAY(k) ? v - threshold : v;
            s->sent[n] = (lsm_message)fires;
            LSM_SEE(s, u, n, u);
            LSM_SEE(s, v, n, s->lifsubtract_v[k]);
        }
}


/* --- ATRLIF: a spike raises the threshold, and leaves a refractory state; both decay --- */

static void atrlif_clear(lsm *s)
{
    uint32_t k;
    memset(s->atrlif_i, 0, sizeof s->atrlif_i);
    memset(s->atrlif_v, 0, sizeof s->atrlif_v);
    memset(s->atrlif_r, 0, sizeof s->atrlif_r);
    for (k = 0; k < ATRLIF_NEURONS; k++)
        s->atrlif_theta[k] = (int32_t)ATRLIF_THETA_0(k) * 64;
}

static void atrlif_step(lsm *s)
{
    uint32_t range, n, k = 0;
    for (range = 0; range < ATRLIF_RANGES; range++)
        for (n = atrlif_ranges[range].first; n < atrlif_ranges[range].last; n++, k++) {
            const int32_t i = lsm_current(s->atrlif_i[k], 4095u - ATRLIF_DELTA_I(k), lsm_take(s, n));
            const int32_t v =
                lsm_held(lsm_decayed(s->atrlif_v[k], 4096u - ATRLIF_DELTA_V(k)) + i + ATRLIF_BIAS(k));
            const int32_t rest = (int32_t)ATRLIF_THETA_0(k) * 64;
            const int32_t theta = lsm_decayed(s->atrlif_theta[k] - rest, 4096u - ATRLIF_DELTA_THETA(k)) + rest;
            const int32_t r = lsm_decayed(s->atrlif_r[k], 4096u - ATRLIF_DELTA_R(k));
            const int fires = v - r >= theta;
            s->atrlif_i[k] = i;
            s->atrlif_v[k] = v;
            s->atrlif_theta[k] = fires ? theta + (int32_t)ATRLIF_THETA_STEP(k) * 64 : theta;
            s->atrlif_r[k] = fires ? r + 2 * theta : r;
            s->sent[n] = (lsm_message)fires;
            LSM_SEE(s, i, n, i);
            LSM_SEE(s, v, n, v);
            LSM_SEE(s, theta, n, s->atrlif_theta[k]);
            LSM_SEE(s, r, n, s->atrlif_r[k]);
        }
}

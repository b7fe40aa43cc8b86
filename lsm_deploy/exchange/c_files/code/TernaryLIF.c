
/* --- TernaryLIF: a spike is 1 above the upper threshold, -1 below the lower one --- */

static void ternarylif_clear(lsm *s)
{
    memset(s->ternarylif_u, 0, sizeof s->ternarylif_u);
    memset(s->ternarylif_v, 0, sizeof s->ternarylif_v);
}

static void ternarylif_step(lsm *s)
{
    uint32_t r, n, k = 0;
    for (r = 0; r < TERNARYLIF_RANGES; r++)
        for (n = ternarylif_ranges[r].first; n < ternarylif_ranges[r].last; n++, k++) {
            const int32_t u = lsm_current(s->ternarylif_u[k], 4095u - TERNARYLIF_DU(k), lsm_take(s, n));
            const int32_t v =
                lsm_held(lsm_decayed(s->ternarylif_v[k], 4096u - TERNARYLIF_DV(k)) + u + TERNARYLIF_BIAS(k));
            const int above = v > (int32_t)TERNARYLIF_VTH_HI(k) * 64, below = v < (int32_t)TERNARYLIF_VTH_LO(k) * 64;
            s->ternarylif_u[k] = u;
            s->ternarylif_v[k] = above || below ? 0 : v;
            s->sent[n] = (lsm_message)(above - below);
            LSM_SEE(s, u, n, u);
            LSM_SEE(s, v, n, s->ternarylif_v[k]);
        }
}


/* --- LIF: leaky integrate-and-fire with an exponential current --- */

static void lif_clear(lsm *s)
{
    memset(s->lif_u, 0, sizeof s->lif_u);
    memset(s->lif_v, 0, sizeof s->lif_v);
}

static void lif_step(lsm *s)
{
    uint32_t r, n, k = 0;
    for (r = 0; r < LIF_RANGES; r++)
        for (n = lif_ranges[r].first; n < lif_ranges[r].last; n++, k++) {
            const int32_t u = lsm_current(s->lif_u[k], 4095u - LIF_DU(k), lsm_take(s, n));
            const int32_t v = lsm_held(lsm_decayed(s->lif_v[k], 4096u - LIF_DV(k)) + u + LIF_BIAS(k));
            const int fires = v > (int32_t)LIF_VTH(k) * 64;
            s->lif_u[k] = u;
            s->lif_v[k] = fires ? 0 : v;
            s->sent[n] = (lsm_message)fires;
            LSM_SEE(s, u, n, u);
            LSM_SEE(s, v, n, s->lif_v[k]);
        }
}

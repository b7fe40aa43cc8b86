
/* --- LIFRefractory: after a spike the voltage stands still for some steps --- */

static void lifrefractory_clear(lsm *s)
{
    memset(s->lifrefractory_u, 0, sizeof s->lifrefractory_u);
    memset(s->lifrefractory_v, 0, sizeof s->lifrefractory_v);
    memset(s->lifrefractory_refractory, 0, sizeof s->lifrefractory_refractory);
}

static void lifrefractory_step(lsm *s)
{
    uint32_t r, n, k = 0;
    for (r = 0; r < LIFREFRACTORY_RANGES; r++)
        for (n = lifrefractory_ranges[r].first; n < lifrefractory_ranges[r].last; n++, k++) {
            const int32_t u = lsm_current(s->lifrefractory_u[k], 4095u - LIFREFRACTORY_DU(k), lsm_take(s, n));
            uint8_t left = s->lifrefractory_refractory[k];
            int32_t v = s->lifrefractory_v[k];
            int fires;
            if (left == 0)
                v = lsm_held(lsm_decayed(v, 4096u - LIFREFRACTORY_DV(k)) + u + LIFREFRACTORY_BIAS(k));
            else
                left--;
            fires = v > (int32_t)LIFREFRACTORY_VTH(k) * 64;
            s->lifrefractory_u[k] = u;
            s->lifrefractory_v[k] = fires ? 0 : v;
            s->lifrefractory_refractory[k] = fires ? (uint8_t)LIFREFRACTORY_REFRACTORY_PERIOD(k) : left;
            s->sent[n] = (lsm_message)fires;
            LSM_SEE(s, u, n, u);
            LSM_SEE(s, v, n, s->lifrefractory_v[k]);
            LSM_SEE(s, refractory, n, s->lifrefractory_refractory[k]);
        }
}

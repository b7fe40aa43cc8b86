
/* --- a frame as spikes whose step says how well a value fits: between which values it is, is in tables --- */

static void lsm_encode(lsm *s, const lsm_value *frame)
{
    uint32_t c, i, l;
    for (c = 0; c < LSM_FRAME; c++)
        for (i = 0; i < LSM_FIELDS; i++) {
            const uint32_t row = ((LSM_SAME_RANGES ? 0u : c) * LSM_FIELDS + i) * LSM_LEVELS;
            s->due[c * LSM_FIELDS + i] = LSM_FRAME_STEPS;
            for (l = 0; l < LSM_LEVELS; l++)
                if (frame[c] >= LSM_UP(row + l) && frame[c] <= LSM_DOWN(row + l)) {
                    s->due[c * LSM_FIELDS + i] = LSM_LEVEL(l);
                    break;
                }
        }
}

static void lsm_enter_frame(lsm *s, uint32_t step)
{
    uint32_t c;
    for (c = 0; c < LSM_CHANNELS; c++)
        if (s->due[c] == step)
            lsm_enter(s, c, 1);
}

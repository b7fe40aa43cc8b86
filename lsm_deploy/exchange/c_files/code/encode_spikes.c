
/* --- a frame of spikes, in its first step --- */

static void lsm_encode(lsm *s, const lsm_value *frame)
{
    uint32_t c;
    for (c = 0; c < LSM_FRAME; c++)
        s->due[c] = (uint8_t)(frame[c] != 0);
}

static void lsm_enter_frame(lsm *s, uint32_t step)
{
    uint32_t c;
    for (c = 0; c < LSM_FRAME; c++)
        if (step == 0)
            lsm_enter(s, c, s->due[c]);
}

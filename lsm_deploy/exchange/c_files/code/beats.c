
/* --- heart beats: what each says about the rhythm, in floats, for it is made of quotients --- */

void lsm_window(lsm *s)
{
    const double rr = s->rr, relative = s->relative;
    lsm_init(s);
    s->rr = rr;
    s->relative = relative;
}

void lsm_beat(lsm *s, double seconds)
{
    lsm_value frame[LSM_FRAME];
    const double rr = seconds > LSM_SHORTEST ? (seconds < LSM_LONGEST ? seconds : LSM_LONGEST) : LSM_SHORTEST;
    const double before = s->rr > 0 ? s->rr : rr, drr = rr - before;
    const double relative = drr / ((rr + before) / 2), changed = relative - s->relative;
#if LSM_MEDIAN
    double median;
    if (s->beats < LSM_WINDOW) { /* sorted, one after the other */
        uint32_t i = s->beats++;
        for (; i > 0 && s->sorted[i - 1u] > rr; i--)
            s->sorted[i] = s->sorted[i - 1u];
        s->sorted[i] = rr;
    }
    median = s->sorted[s->beats / 2u];
    if (s->beats % 2u == 0)
        median = (s->sorted[s->beats / 2u - 1u] + median) / 2;
#endif
    LSM_BEAT_CHANNELS;
    (void)drr;
    (void)changed;
    s->rr = rr;
    s->relative = relative;
    lsm_frame(s, frame);
}

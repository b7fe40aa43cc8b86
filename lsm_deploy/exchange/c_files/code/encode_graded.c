
/* --- a frame as messages: this part, and no other, computes in floats, for values come in units of their own --- */

/* A value within its channel's range, as -1 to 1. */
static double lsm_within(uint32_t c, double value)
{
    double x = lsm_width[c] > 0 ? (value - lsm_low[c]) / lsm_width[c] : 0.5;
    x = x > 0 ? (x < 1 ? x : 1) : 0;
    return 2 * x - 1;
}

static int32_t lsm_nearest(double x, int32_t most)
{
    const int32_t size = (int32_t)((x < 0 ? -x : x) + 0.5);
    return x < 0 ? -(size < most ? size : most) : size < most ? size : most;
}

static void lsm_encode(lsm *s, const lsm_value *frame)
{
    uint32_t c;
    for (c = 0; c < LSM_FRAME; c++) {
        const double x = lsm_within(c, frame[c]);
        s->entering[c] = (lsm_message)lsm_nearest(x * LSM_MESSAGE_UNIT, LSM_MESSAGE_LARGEST);
#if LSM_READ_FRAME
        {
            /* Halves to the even neighbour, as the host has them. */
            const double y = x * 8388608.0;
            int32_t n = lsm_nearest(y, LSM_LIMIT);
            if ((n & 1) != 0 && (n > y ? n - y : y - n) == 0.5)
                n -= n > 0 ? 1 : -1;
            s->frame[c] = lsm_held(n);
        }
#endif
    }
}

static void lsm_enter_frame(lsm *s, uint32_t step)
{
    uint32_t c;
    (void)step; /* a message in each */
    for (c = 0; c < LSM_FRAME; c++)
        lsm_enter(s, c, s->entering[c]);
}


/* --- a step --- */

/* What is due in this step becomes spikes; these are on their way to the next ones. */
static void lsm_integrate(lsm *s)
{
#if LSM_PROJECTIONS > LSM_INPUT_PROJECTIONS
    uint32_t p, j;
#endif
#if LSM_INTERVAL > 0
    if (s->since == 0)
        LSM_CLEAR(s);
    s->since = s->since + 1u == LSM_INTERVAL ? 0 : s->since + 1u;
#endif
    LSM_STEP(s);
    s->row = s->row + 1u == LSM_ROWS ? 0 : s->row + 1u;
#if LSM_PROJECTIONS > LSM_INPUT_PROJECTIONS
    for (p = LSM_INPUT_PROJECTIONS; p < LSM_PROJECTIONS; p++)
        for (j = 0; j < lsm_projections[p].sources; j++)
            if (s->sent[lsm_projections[p].source + j] != 0)
                lsm_send(s, &lsm_projections[p], j, s->sent[lsm_projections[p].source + j]);
#endif
    LSM_LISTEN(s);
#ifdef LSM_TRACE
    lsm_trace_step(s);
#endif
}

/* A message enters through a channel, and is on its way to the next step or a later one. */
static void lsm_enter(lsm *s, uint32_t channel, int32_t message)
{
#if LSM_INPUT_PROJECTIONS > 0
    uint32_t p;
    if (message != 0)
        for (p = 0; p < LSM_INPUT_PROJECTIONS; p++)
            lsm_send(s, &lsm_projections[p], channel, message);
#else
    (void)s;
    (void)channel;
    (void)message;
#endif
}

void lsm_init(lsm *s)
{
    memset(s, 0, sizeof *s);
#ifdef LSM_EXPECTED
    s->expected = LSM_EXPECTED;
#endif
    LSM_CLEAR(s);
#if LSM_AHEAD
    lsm_integrate(s);
#endif
}

void lsm_step(lsm *s, const lsm_message *input)
{
#if LSM_CHANNELS > 0
    uint32_t c;
#else
    (void)input;
#endif
#if !LSM_AHEAD
    lsm_integrate(s);
#endif
#if LSM_CHANNELS > 0
    for (c = 0; c < LSM_CHANNELS; c++)
        lsm_enter(s, c, input[c]);
#endif
#if LSM_AHEAD
    lsm_integrate(s);
#endif
}

#if LSM_INTERVAL > 0 && defined(LSM_CLASSES)
void lsm_rest(lsm *s)
{
    while (s->since != 0)
        lsm_integrate(s);
}

void lsm_next(lsm *s)
{
    LSM_FORGET(s);
#ifdef LSM_EXPECTED
    s->expected = LSM_EXPECTED;
#endif
}
#endif

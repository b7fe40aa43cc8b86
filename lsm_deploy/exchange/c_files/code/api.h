
/* Begin a sample: everything at rest, nothing in flight. */
void lsm_init(lsm *s);

/* One step of `dt_ms`: every neuron, then the messages of LSM_CHANNELS channels, which arrive in a later one. */
void lsm_step(lsm *s, const lsm_message *input);

#ifdef LSM_TRACE
/* Yours: called for each register as a step leaves it, and after each step. */
void lsm_trace(const lsm *s, int name, uint32_t neuron, int32_t value);
void lsm_trace_step(const lsm *s);
#endif

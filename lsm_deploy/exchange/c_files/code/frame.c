
void lsm_frame(lsm *s, const lsm_value *frame)
{
    uint32_t step;
    lsm_encode(s, frame);
    for (step = 0; step < LSM_FRAME_STEPS; step++) {
#if !LSM_AHEAD
        lsm_integrate(s);
#endif
        lsm_enter_frame(s, step);
#if LSM_AHEAD
        lsm_integrate(s);
#endif
    }
}


/* LSM_FRAME values, one for each channel of the data, as LSM_FRAME_STEPS steps. */
typedef VALUE lsm_value;
void lsm_frame(lsm *s, const lsm_value *frame);

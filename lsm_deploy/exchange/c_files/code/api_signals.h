
/* What is answered after a frame, LSM_OUTPUTS whole numbers; lsm_value_of has them in the target's units. */
void lsm_answer(const lsm *s, int64_t *answers);
#ifndef LSM_NO_FLOAT
double lsm_value_of(uint32_t output, int64_t answer);
#endif


/* Features are of LSM_PARTS parts of a sample: say after lsm_init how many steps it will have, if that is not as many as
   the longest training sample had. */
void lsm_expect(lsm *s, uint32_t steps);

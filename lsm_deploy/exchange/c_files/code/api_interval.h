
/* Samples begin every LSM_INTERVAL steps of one run, which lsm_init begins. After the frames of a sample, lsm_rest runs
   the silent steps that are left; after lsm_answer, lsm_next begins the next sample, in whatever is in flight. */
void lsm_rest(lsm *s);
void lsm_next(lsm *s);


/* A beat, as the seconds since the one before. lsm_init begins a record; after LSM_WINDOW beats, and lsm_answer,
   lsm_window begins the next window of it. Windows that begin every LSM_STRIDE beats, of fewer, take a state each. */
void lsm_beat(lsm *s, double seconds);
void lsm_window(lsm *s);


/* The class, by number, of the sample so far; scores: of each of LSM_CLASSES, or NULL. */
uint32_t lsm_answer(const lsm *s, int64_t *scores);

/* What a class is called, in UTF-8. */
const char *lsm_class(uint32_t number);

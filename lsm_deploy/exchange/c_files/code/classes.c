
/* --- a score of each class, and the class with the largest --- */

#if LSM_ROOT
/* The root of a sum of spikes in sixteenths, rounded down, with its sign. */
static int32_t lsm_root(lsm_feature x)
{
    uint64_t rest = (uint64_t)(x < 0 ? -(int64_t)x : (int64_t)x) << 8, root = 0, bit = (uint64_t)1 << 62;
    while (bit > rest)
        bit >>= 2;
    for (; bit != 0; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return x < 0 ? -(int32_t)root : (int32_t)root;
}
#endif

uint32_t lsm_answer(const lsm *s, int64_t *scores)
{
    int64_t best = 0;
    uint32_t chosen = 0, c, i;
    for (c = 0; c < LSM_CLASSES; c++) {
        int64_t score = lsm_bias[c];
        for (i = 0; i < LSM_SUPPORT; i++) {
            const lsm_feature x = LSM_FEATURE(s, LSM_FEATURE_OF(i));
#if LSM_ROOT
            score += (int64_t)lsm_weight[c * LSM_SUPPORT + i] * lsm_root(x);
#else
            score += (int64_t)lsm_weight[c * LSM_SUPPORT + i] * x;
#endif
        }
        if (scores)
            scores[c] = score;
        if (c == 0 || score > best) {
            best = score;
            chosen = c;
        }
    }
    return chosen;
}

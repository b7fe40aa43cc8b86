
/* --- what graded neurons make of a number, of `fraction` bits behind the point --- */

#if LSM_TANH || LSM_RATIO
/* What a table of 257 entries for 0 to 8 has at |z|, in units of 2^-22: straight lines join its entries. */
static uint32_t lsm_on_table(const uint32_t *table, int32_t z, int fraction)
{
    const int shift = fraction - 5;
    const uint32_t end = (uint32_t)8 << fraction, m = lsm_size(z) < end ? lsm_size(z) : end;
    const uint32_t segment = m >> shift, rest = m - (segment << shift);
    const uint32_t rise = segment < 256u ? table[segment + 1u] - table[segment] : 0u;
    return table[segment] + (uint32_t)(((uint64_t)rise * rest + (((uint32_t)1 << shift) >> 1)) >> shift);
}
#endif

#if LSM_TANH
static int32_t lsm_tanh_of(int32_t z, int fraction)
{
    return lsm_shifted(lsm_with_sign(z, lsm_on_table(lsm_tanh, z, fraction)), 22 - fraction);
}
#endif

static int32_t lsm_activated(int number, int32_t z, int fraction, int32_t lo, int32_t hi)
{
    switch (number) {
    case 1: /* clip */
        return lsm_between(z, lo, hi);
    case 2: /* relu */
        return z > 0 ? z : 0;
#if LSM_TANH
    case 3:
        return lsm_tanh_of(z, fraction);
    case 5: /* sigmoid */
        return lsm_shifted(((int32_t)1 << fraction) + lsm_tanh_of(lsm_shifted(z, 1), fraction), 1);
#endif
    case 4: { /* quadratic */
        const int32_t y = lsm_between(z, -((int32_t)2 << fraction), (int32_t)2 << fraction);
        const uint64_t square = (uint64_t)lsm_size(y) * lsm_size(y), half = (uint64_t)1 << (fraction + 1);
        return y - lsm_with_sign(y, (uint32_t)((square + half) >> (fraction + 2)));
    }
#if LSM_RATIO
    case 6: /* ratio */
        return lsm_shifted((int32_t)lsm_on_table(lsm_ratio, z > 0 ? z : 0, fraction), 22 - fraction);
#endif
    default: /* identity */
        return z;
    }
}

static lsm_message lsm_rounded(int32_t y, int shift, int bits)
{
    const int32_t largest = ((int32_t)1 << (bits - 1)) - 1;
    return (lsm_message)lsm_between(lsm_shifted(y, shift), -largest, largest);
}

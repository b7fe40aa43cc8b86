
/* --- the parts of a sample, which end where the host's do --- */

void lsm_expect(lsm *s, uint32_t steps)
{
    s->expected = steps;
}

/* The steps after which a part ends. */
static uint32_t lsm_end_of(const lsm *s, uint32_t part)
{
    return (uint32_t)(((uint64_t)part + 1u) * s->expected / LSM_PARTS);
}

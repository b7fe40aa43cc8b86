
#ifndef LSM_NO_FLOAT
/* A value in the data's units as a frame has it, LSM_ONE of which are 1.0. */
static inline lsm_value lsm_fixed(double value)
{
    const double x = value * LSM_ONE;
    return x >= 2147483646.0 ? 2147483646 : x <= -2147483646.0 ? -2147483646 : (lsm_value)(x < 0 ? x - 0.5 : x + 0.5);
}
#endif

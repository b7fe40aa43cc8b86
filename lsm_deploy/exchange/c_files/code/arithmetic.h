/* The arithmetic of Loihi 2's registers, in C99: no signed overflow, no shift of a negative number.
   Right shifts are of unsigned numbers, and divide magnitudes: everything is rounded alike on either side of 0. */
#ifndef LSM_ARITHMETIC_H
#define LSM_ARITHMETIC_H

#include <stdint.h>

#define LSM_LIMIT ((int32_t)8388608) /* 2^23: u and v have 24 bits */

/* What 32 bits stand for as a signed number; compilers make nothing of it. */
static inline int32_t lsm_signed(uint32_t x)
{
    return x <= 0x7fffffffu ? (int32_t)x : -(int32_t)(uint32_t)~x - 1;
}

static inline uint32_t lsm_size(int32_t x)
{
    return x < 0 ? (uint32_t)0 - (uint32_t)x : (uint32_t)x;
}

/* size, at most 2^31, with the sign of x. */
static inline int32_t lsm_with_sign(int32_t x, uint32_t size)
{
    return lsm_signed(x < 0 ? (uint32_t)0 - size : size);
}

/* x * keep / 4096, towards 0; keep is 0 to 4096. In two parts, so that 32 bits do. */
static inline int32_t lsm_decayed(int32_t x, uint32_t keep)
{
    const uint32_t m = lsm_size(x);
    return lsm_with_sign(x, (m >> 12) * keep + (((m & 4095u) * keep) >> 12));
}

/* x * k / 2^bits to the nearest, halves away from 0; k is 0 to 2^bits, bits at most 15. */
static inline int32_t lsm_times(int32_t x, uint32_t k, int bits)
{
    const uint32_t m = lsm_size(x), one = (uint32_t)1 << bits;
    return lsm_with_sign(x, (m >> bits) * k + (((m & (one - 1u)) * k + one / 2u) >> bits));
}

/* x / 2^shift to the nearest, halves away from 0, or x * 2^-shift; held within 2^24, which is beyond every register. */
static inline int32_t lsm_shifted(int32_t x, int shift)
{
    const uint32_t most = (uint32_t)1 << 24;
    uint32_t m = lsm_size(x);
    if (shift >= 0)
        m = (m + (((uint32_t)1 << shift) >> 1)) >> shift;
    else
        m = m > most >> -shift ? most : m << -shift;
    return lsm_with_sign(x, m > most ? most : m);
}

static inline int32_t lsm_between(int32_t x, int32_t low, int32_t high)
{
    const int32_t y = x > low ? x : low;
    return y < high ? y : high;
}

/* Within 24 bits: what saturates. */
static inline int32_t lsm_held(int32_t x)
{
    return lsm_between(x, 1 - LSM_LIMIT, LSM_LIMIT - 1);
}

/* The current after a step: u * keep / 4096 + (a << 6), which wraps once beyond 24 bits. */
static inline int32_t lsm_current(int32_t u, uint32_t keep, int32_t a)
{
    const int32_t x = lsm_signed((uint32_t)lsm_decayed(u, keep) + ((uint32_t)a << 6));
    return x > LSM_LIMIT ? x - 2 * LSM_LIMIT : x <= -LSM_LIMIT ? x + 2 * LSM_LIMIT : x;
}

#endif

/* An example: numbers on standard input, a frame (or a step) after the other, and what is answered on standard output. */
#include <stdio.h>
#include <stdlib.h>

#include "lsm.h"

static lsm state; /* static, and not on the stack: it may be large */

#if defined(LSM_PARTS) && LSM_PARTS > 1
/* Where parts of a sample begin says its length: all of it is read first. A device says what it expects. */
static double *sample;
static size_t length, taken;

static int gather(void)
{
    size_t room = 0;
    double value = 0;
    while (scanf("%lf", &value) == 1) {
        if (length == room) {
            void *larger = realloc(sample, (room = 2 * room + 1024) * sizeof *sample);
            if (larger == NULL)
                return 0;
            sample = larger;
        }
        sample[length++] = value;
    }
    return 1;
}

static int next(double *value)
{
    return taken < length && (*value = sample[taken++], 1);
}
#else
static int next(double *value)
{
    return scanf("%lf", value) == 1;
}
#endif

int main(void)
{
#ifdef LSM_FRAME
    static lsm_value frame[LSM_FRAME];
    const uint32_t values = LSM_FRAME;
#else
    static lsm_message frame[LSM_CHANNELS + 1u];
    const uint32_t values = LSM_CHANNELS;
#endif
    double value = 0;
    uint32_t i = 0, n = 0;
    lsm_init(&state);
#if defined(LSM_PARTS) && LSM_PARTS > 1
    if (!gather())
        return EXIT_FAILURE;
#if LSM_INTERVAL > 0
    /* A sample is as long as the interval. */
#elif defined(LSM_FRAME)
    lsm_expect(&state, (uint32_t)(length / values) * LSM_FRAME_STEPS);
#else
    lsm_expect(&state, (uint32_t)(length / values));
#endif
#endif
    while (values > 0 && next(&value)) {
#if defined(LSM_ONE)
        frame[i++] = lsm_fixed(value);
#elif defined(LSM_FRAME)
        frame[i++] = value;
#else
        frame[i++] = (lsm_message)value;
#endif
        if (i < values)
            continue;
        i = 0;
#ifdef LSM_FRAME
        lsm_frame(&state, frame);
#else
        lsm_step(&state, frame);
        for (n = 0; n < LSM_NEURONS; n++)
            if (state.sent[n] != 0)
                printf("%lu:%d ", (unsigned long)n, (int)state.sent[n]);
        printf("\n");
#endif
#ifdef LSM_OUTPUTS
        {
            int64_t answers[LSM_OUTPUTS];
            lsm_answer(&state, answers);
            for (n = 0; n < LSM_OUTPUTS; n++)
                printf("%.17g ", lsm_value_of(n, answers[n]));
            printf("\n");
        }
#endif
    }
#ifdef LSM_CLASSES
#if LSM_INTERVAL > 0
    lsm_rest(&state);
#endif
    {
        static int64_t scores[LSM_CLASSES];
        const uint32_t answer = lsm_answer(&state, scores);
        for (n = 0; n < LSM_CLASSES; n++)
            printf("%s %.0f\n", lsm_class(n), (double)scores[n]);
        printf("answer: %s\n", lsm_class(answer));
    }
#endif
    return 0;
}

/* An example: numbers on standard input, a frame (or a step) after the other, and what is answered on standard output. */
#include <stdio.h>

#include "lsm.h"

static lsm state; /* static, and not on the stack: it may be large */

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
    while (values > 0 && scanf("%lf", &value) == 1) {
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

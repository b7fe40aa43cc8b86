/* What tests run an exported folder in: in.bin holds samples, trace.bin gets every register of every step, and
   answers.bin the answers. The names are fixed, because a board in an emulator has no arguments. */
#include <stdio.h>

#include "lsm.h"

static lsm state, other;
static int32_t seen[LSM_REGISTERS][LSM_NEURONS];
static int16_t sent[LSM_NEURONS];
static int32_t header[3]; /* frames or steps, traced or not, samples */
static FILE *given, *traced, *answered;

void lsm_trace(const lsm *s, int name, uint32_t neuron, int32_t value)
{
    if (s == &state)
        seen[name][neuron] = value;
}

void lsm_trace_step(const lsm *s)
{
    uint32_t n;
    if (s != &state || !header[1])
        return;
    for (n = 0; n < LSM_NEURONS; n++)
        sent[n] = s->sent[n];
    fwrite(sent, sizeof sent, 1, traced);
    fwrite(seen, sizeof seen, 1, traced);
}

#if defined(LSM_CLASSES) || defined(LSM_OUTPUTS)
static void answer(void)
{
#if defined(LSM_CLASSES)
    static int64_t scores[LSM_CLASSES];
    const int64_t chosen = lsm_answer(&state, scores);
    fwrite(&chosen, sizeof chosen, 1, answered);
    fwrite(scores, sizeof scores, 1, answered);
    if (lsm_answer(&state, NULL) != (uint32_t)chosen || lsm_class((uint32_t)chosen)[0] == 0 || lsm_class(LSM_CLASSES)[0])
        fputs("answers differ\n", stderr);
#elif defined(LSM_OUTPUTS)
    static int64_t answers[LSM_OUTPUTS];
    uint32_t o;
    lsm_answer(&state, answers);
    for (o = 0; o < LSM_OUTPUTS; o++) {
        const double value = lsm_value_of(o, answers[o]);
        fwrite(&answers[o], sizeof answers[o], 1, answered);
        fwrite(&value, sizeof value, 1, answered);
    }
#endif
}
#endif

static int read_row(void *row, size_t size)
{
    return size == 0 || fread(row, size, 1, given) == 1;
}

int main(void)
{
    static lsm_message entering[LSM_CHANNELS + 1u];
    static int16_t row[LSM_CHANNELS + 1u];
    const int32_t size = (int32_t)sizeof(lsm);
    int32_t sample, rows, r;
    uint32_t c;
    given = fopen("in.bin", "rb");
    traced = fopen("trace.bin", "wb");
    answered = fopen("answers.bin", "wb");
    if (!given || !traced || !answered || fread(header, sizeof header, 1, given) != 1)
        return 2;
    fwrite(&size, sizeof size, 1, answered);
    lsm_init(&other);
    for (sample = 0; sample < header[2]; sample++) {
        if (fread(&rows, sizeof rows, 1, given) != 1)
            return 2;
        lsm_init(&state);
#if defined(LSM_PARTS) && LSM_PARTS > 1
#ifdef LSM_FRAME_STEPS
        lsm_expect(&state, (uint32_t)rows * (header[0] ? LSM_FRAME_STEPS : 1u));
#else
        lsm_expect(&state, (uint32_t)rows);
#endif
#endif
        for (r = 0; r < rows; r++) {
#ifdef LSM_FRAME
            static lsm_value frame[LSM_FRAME];
            if (header[0]) {
                if (!read_row(frame, sizeof frame))
                    return 2;
                lsm_frame(&state, frame);
            }
#endif
            if (!header[0]) {
                if (!read_row(row, 2u * LSM_CHANNELS))
                    return 2;
                for (c = 0; c + 1u <= LSM_CHANNELS; c++)
                    entering[c] = (lsm_message)row[c];
                lsm_step(&state, entering);
                if (r % 7 == 3) /* another liquid beside it changes nothing */
                    lsm_step(&other, entering);
            }
#ifdef LSM_OUTPUTS
            if (header[0])
                answer();
#endif
        }
#ifdef LSM_CLASSES
        answer();
#endif
    }
    return fclose(traced) || fclose(answered) ? 3 : 0;
}

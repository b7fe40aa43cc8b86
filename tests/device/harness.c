/* What tests run an exported folder in: in.bin holds samples, trace.bin gets every register of every step, and
   answers.bin the answers. The names are fixed, because a board in an emulator has no arguments. */
#include <stdio.h>

#include "lsm.h"

static lsm state, other;
static int32_t seen[LSM_REGISTERS][LSM_NEURONS];
static int16_t sent[LSM_NEURONS];
static int32_t header[3]; /* 0 steps, 1 frames or 2 beats; traced or not; samples */
static FILE *given, *traced, *answered, *counted;

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

/* Instructions by SysTick, in 40 of them: QEMU's clock (-icount shift=0) goes on by 1 ns with each, SysTick by 40 ns. */
static int64_t ticks[3], began; /* in frames, in answers; frames */
#ifdef LSM_SYSTICK
#define SYSTICK ((volatile uint32_t *)0xE000E010)
static void before(void)
{
    SYSTICK[1] = 0xffffff;
    SYSTICK[0] = 5;
    began = (int64_t)SYSTICK[2];
}
static void after(int what)
{
    ticks[what] += (began - (int64_t)SYSTICK[2]) & 0xffffff;
    ticks[2] += what == 0;
}
#else
static void before(void)
{
    began++;
}
static void after(int what)
{
    ticks[2] += what == 0;
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
    counted = fopen("ticks.bin", "wb");
    if (!given || !traced || !counted || !answered || fread(header, sizeof header, 1, given) != 1)
        return 2;
    fwrite(&size, sizeof size, 1, answered);
    lsm_init(&other);
    for (sample = 0; sample < header[2]; sample++) {
        if (fread(&rows, sizeof rows, 1, given) != 1)
            return 2;
#ifdef LSM_WINDOW
        if (rows < 0) /* a record goes on */
            lsm_window(&state);
        else
#endif
#if LSM_INTERVAL > 0 && defined(LSM_CLASSES)
        if (header[0] && sample > 0)
            lsm_next(&state);
        else
#endif
            lsm_init(&state);
        rows = rows < 0 ? -rows : rows;
#if defined(LSM_PARTS) && LSM_PARTS > 1
#ifdef LSM_FRAME_STEPS
        lsm_expect(&state, LSM_INTERVAL ? LSM_INTERVAL : (uint32_t)rows * (header[0] ? LSM_FRAME_STEPS : 1u));
#else
        lsm_expect(&state, (uint32_t)rows);
#endif
#endif
        for (r = 0; r < rows; r++) {
#ifdef LSM_WINDOW
            double beat;
            if (header[0] == 2) {
                if (!read_row(&beat, sizeof beat))
                    return 2;
                before();
                lsm_beat(&state, beat);
                after(0);
            }
#endif
#ifdef LSM_FRAME
            static lsm_value frame[LSM_FRAME];
            if (header[0] == 1) {
                if (!read_row(frame, sizeof frame))
                    return 2;
                before();
                lsm_frame(&state, frame);
                after(0);
            }
#endif
            if (!header[0]) {
                if (!read_row(row, 2u * LSM_CHANNELS))
                    return 2;
                for (c = 0; c + 1u <= LSM_CHANNELS; c++)
                    entering[c] = (lsm_message)row[c];
                before();
                lsm_step(&state, entering);
                after(0);
                if (r % 7 == 3) /* another liquid beside it changes nothing */
                    lsm_step(&other, entering);
            }
#ifdef LSM_OUTPUTS
            if (header[0]) {
                static int64_t answers[LSM_OUTPUTS];
                before();
                lsm_answer(&state, answers);
                after(1);
                answer();
            }
#endif
        }
#ifdef LSM_CLASSES
#if LSM_INTERVAL > 0
        if (header[0])
            lsm_rest(&state);
#endif
        before();
        lsm_answer(&state, NULL);
        after(1);
        answer();
#endif
    }
    fwrite(ticks, sizeof ticks, 1, counted);
    return fclose(traced) || fclose(answered) || fclose(counted) ? 3 : 0;
}

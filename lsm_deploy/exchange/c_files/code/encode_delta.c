
/* --- a frame as an up or a down spike for every level that a value crossed, evenly over its steps --- */

static void lsm_encode(lsm *s, const lsm_value *frame)
{
    uint32_t c, l;
    for (c = 0; c < LSM_FRAME; c++) {
        const uint32_t row = (LSM_SAME_RANGES ? 0u : c) * LSM_LEVELS;
        int32_t reached = 0, over = 0, moves;
        for (l = 0; l < LSM_LEVELS; l++) {
            reached += frame[c] >= lsm_reached[row + l];
            over += frame[c] >= lsm_over[row + l];
        }
        moves = s->level[c] <= reached ? reached - s->level[c] : over - s->level[c];
        s->moves[c] = (int16_t)lsm_between(moves, -(int32_t)LSM_FRAME_STEPS, (int32_t)LSM_FRAME_STEPS);
        s->level[c] = (int16_t)(s->level[c] + s->moves[c]);
    }
}

static void lsm_enter_frame(lsm *s, uint32_t step)
{
    uint32_t c;
    for (c = 0; c < LSM_FRAME; c++) {
        const uint32_t count = lsm_size(s->moves[c]);
        if (step * count % LSM_FRAME_STEPS < count)
            lsm_enter(s, 2u * c + (s->moves[c] < 0), 1);
    }
}

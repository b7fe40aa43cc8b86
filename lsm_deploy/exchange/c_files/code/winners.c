
/* --- output neurons: the class of the one with the most spikes, of several that of the one that had them first --- */

static void lsm_listen(lsm *s)
{
    uint32_t c;
    s->steps++;
    for (c = 0; c < LSM_CLASSES; c++)
        if (s->sent[LSM_OUTPUT + c] != 0) {
            s->spikes[c]++;
            s->reached[c] = s->steps;
        }
}

uint32_t lsm_answer(const lsm *s, int64_t *scores)
{
    uint32_t chosen = 0, c;
    for (c = 0; c < LSM_CLASSES; c++) {
        if (scores)
            scores[c] = s->spikes[c];
        if (s->spikes[c] > s->spikes[chosen]
            || (s->spikes[c] == s->spikes[chosen] && s->reached[c] < s->reached[chosen]))
            chosen = c;
    }
    return chosen;
}

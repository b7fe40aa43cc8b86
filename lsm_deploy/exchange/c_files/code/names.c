
const char *lsm_class(uint32_t number)
{
    static const char *const names[LSM_CLASSES] = {LSM_NAMES};
    return number < LSM_CLASSES ? names[number] : "";
}

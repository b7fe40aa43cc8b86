"""The one name of lava-loihi that Lava's `Loihi2HwCfg` needs to choose process models by; none derives from it."""


class CLoihiProcessModel: ...

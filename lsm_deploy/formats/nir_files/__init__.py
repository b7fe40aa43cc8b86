"""NIR graphs (neuroir.org), read from their HDF5: `reader` first, then what it calls.

A graph says equations in continuous time; what runs is steps of dt. How its source made steps of them is in no file:
it is said (`discretisation`). With beta = 1 - dt / tau and gain = dt / tau (Euler) a neuron is

    CubaLIF   u = alpha u + gain_mem r * gain_syn w_in * (W s + b);   v = beta v + u + gain_mem v_leak
    LIF       the same without memory in u;      IF   beta = 1;      Threshold   beta = 0
    LI        a graded unit that sends v;        CubaLI   two of them, one after the other

with v shifted by v_reset, so that a spike takes it to 0. Biases b come from a neuron that spikes in every step, because
a bias of v would pass the synapse's filter by. Linear nodes between neurons are multiplied out into synapses.
"""

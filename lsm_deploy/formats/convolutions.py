"""A convolution as synapses: each tap of its kernel, at each place where it lies on the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lsm_deploy.core.fixed import Ints

__all__ = ["Shape", "output_shape", "unrolled"]

Shape = tuple[int, int, int]
"""Channels, rows, columns; neurons are numbered in that order, the columns fastest."""


def output_shape(
    image: Shape,
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
) -> Shape:
    """What a kernel `[out, in, row, column]` makes of an image; sides below 1 where it does not fit."""
    sides = [
        (image[1 + axis] + 2 * padding[axis] - dilation[axis] * (kernel[2 + axis] - 1) - 1) // stride[axis] + 1
        for axis in (0, 1)
    ]
    return (kernel[0], sides[0], sides[1])


def unrolled(
    kernel: NDArray[np.generic],
    image: Shape,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
) -> tuple[Ints, Ints, NDArray[np.generic]]:
    """pre, post and weight of each synapse, by pre and post; weights of 0 make none.

    kernel: `[out, in / groups, row, column]`, laid on the image as it is (a correlation, as torch has it).
    """
    out, of_group, rows, columns = kernel.shape
    shape = output_shape(image, kernel.shape, stride, padding, dilation)
    numbers_in = np.arange(np.prod(image)).reshape(image)
    numbers_out = np.arange(np.prod(shape)).reshape(shape)
    sources = np.arange(out) // (out // groups) * of_group  # the first channel that each output looks at
    channels = sources[:, None] + np.arange(of_group)  # [out, in]
    parts = []
    for row in range(rows):
        y = np.arange(shape[1]) * stride[0] - padding[0] + row * dilation[0]
        for column in range(columns):
            x = np.arange(shape[2]) * stride[1] - padding[1] + column * dilation[1]
            on = np.flatnonzero((y >= 0) & (y < image[1])), np.flatnonzero((x >= 0) & (x < image[2]))
            o, i = np.nonzero(kernel[:, :, row, column])
            weight = kernel[o, i, row, column]
            pre = numbers_in[channels[o, i][:, None, None], y[on[0]][:, None], x[on[1]]]
            post = numbers_out[o[:, None, None], on[0][:, None], on[1]]
            parts.append((pre.ravel(), post.ravel(), np.repeat(weight, len(on[0]) * len(on[1]))))
    pre, post, weight = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(pre * numbers_out.size + post, kind="stable")
    return pre[order], post[order], weight[order]

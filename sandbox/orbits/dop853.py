"""The eighth-order tableau of DOP853: twelve stages, without the error estimate.

Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I (2nd ed., 1993), as published in
scipy.integrate. `A3` holds the non-zero weights with which stage 3 (counted from 0) sums the earlier slopes;
the comment says which slopes those are. `B` weighs the slopes of the full step.
"""

from math import fsum

from sandbox.compiled import kernel

# slope 0
A1 = (0.05260015195876773,)
# slopes 0, 1
A2 = (0.0197250569845379, 0.0591751709536137)
# slopes 0, 2
A3 = (0.02958758547680685, 0.08876275643042054)
# slopes 0, 2, 3
A4 = (0.2413651341592667, -0.8845494793282861, 0.924834003261792)
# slopes 0, 3, 4
A5 = (0.037037037037037035, 0.17082860872947386, 0.12546768756682242)
# slopes 0, 3, 4, 5
A6 = (0.037109375, 0.17025221101954405, 0.06021653898045596, -0.017578125)
# slopes 0, 3, 4, 5, 6
A7 = (
    0.03709200011850479,
    0.17038392571223998,
    0.10726203044637328,
    -0.015319437748624402,
    0.008273789163814023,
)
# slopes 0, 3, 4, 5, 6, 7
A8 = (
    0.6241109587160757,
    -3.3608926294469414,
    -0.868219346841726,
    27.59209969944671,
    20.154067550477894,
    -43.48988418106996,
)
# slopes 0, 3, 4, 5, 6, 7, 8
A9 = (
    0.47766253643826434,
    -2.4881146199716677,
    -0.590290826836843,
    21.230051448181193,
    15.279233632882423,
    -33.28821096898486,
    -0.020331201708508627,
)
# slopes 0, 3, 4, 5, 6, 7, 8, 9
A10 = (
    -0.9371424300859873,
    5.186372428844064,
    1.0914373489967295,
    -8.149787010746927,
    -18.52006565999696,
    22.739487099350505,
    2.4936055526796523,
    -3.0467644718982196,
)
# slopes 0, 3, 4, 5, 6, 7, 8, 9, 10
A11 = (
    2.273310147516538,
    -10.53449546673725,
    -2.0008720582248625,
    -17.9589318631188,
    27.94888452941996,
    -2.8589982771350235,
    -8.87285693353063,
    12.360567175794303,
    0.6433927460157636,
)
# slopes 0, 5, 6, 7, 8, 9, 10, 11
B = (
    0.054293734116568765,
    4.450312892752409,
    1.8915178993145003,
    -5.801203960010585,
    0.3111643669578199,
    -0.1521609496625161,
    0.20136540080403034,
    0.04471061572777259,
)

C = (0.0, *map(fsum, (A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11)))
"""The moments of the stages, as shares of the step."""


@kernel
def combine(y, h, weights, slopes):
    """y + h * sum(weights * slopes) for a state y of six numbers; the compiler unrolls it."""
    x0 = x1 = x2 = x3 = x4 = x5 = 0.0
    for i in range(len(weights)):
        w, k = weights[i], slopes[i]
        x0 += w * k[0]
        x1 += w * k[1]
        x2 += w * k[2]
        x3 += w * k[3]
        x4 += w * k[4]
        x5 += w * k[5]
    return y[0] + h * x0, y[1] + h * x1, y[2] + h * x2, y[3] + h * x3, y[4] + h * x4, y[5] + h * x5

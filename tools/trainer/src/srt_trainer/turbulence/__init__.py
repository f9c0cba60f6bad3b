"""Pseudo-spectral DNS codes that make training and test volumes from nothing (`srt-train turbulence`).

Periodic box `[0, 2 pi)^rank`, so wave numbers are integers; Fourier-Galerkin with spherical truncation at `n / 3`
(Orszag's two-thirds rule); classical RK4 with an exact viscous integrating factor; time step from a CFL number.
Vector components are ordered like the axes, `(z, y, x)`.
"""

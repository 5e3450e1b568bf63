"""Operations that PyTorch lacks or is slow at on a CPU: numba kernels inside autograd functions."""

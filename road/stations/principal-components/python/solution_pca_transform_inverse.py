def pca_transform_inverse(x, mean, comps):
    z = (x - mean) @ comps.T  # measure along the components
    back = z @ comps + mean  # walk along them
    return z, back
